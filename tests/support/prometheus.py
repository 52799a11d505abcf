"""A real Prometheus that scrapes real processes, with rules whose times are shorter."""

import json
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import yaml
from support import ports
from support.processes import Process, eventually

FASTER = 60
"""A minute of the rules is a second here."""
_DURATION = re.compile(r"\b(\d+)(s|m|h)\b")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def program() -> str:
    """Return the program; skips where it is not at hand."""
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("prometheus is not installed: Debian's package of that name has it")
    return found


def shortened(rules: str) -> str:
    """Return rules in which every duration is the FASTERth part of what it was, at least 1 s."""

    def shorter(match: re.Match[str]) -> str:
        seconds = int(match[1]) * _SECONDS[match[2]]
        return f"{max(1, seconds // FASTER)}s"

    described = yaml.safe_load(rules)
    for group in described["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = _DURATION.sub(shorter, rule["for"])
            rule["expr"] = re.sub(
                r"\[[^\]]*\]", lambda found: _DURATION.sub(shorter, found[0]), rule["expr"]
            )
    return str(yaml.safe_dump(described, sort_keys=False))


class Prometheus:
    """One that runs until the block ends."""

    def __init__(self, directory: Path, rules: str, scraped: Iterable[Process]) -> None:
        """`scraped`: their admin ports; they serve already."""
        directory.mkdir()
        (directory / "rules.yaml").write_text(rules)
        targets = [f"127.0.0.1:{process.admin_port}" for process in scraped]
        interval = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        configuration = {
            "global": {**interval, "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "newstally", "static_configs": [{"targets": targets}]}],
        }
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
        self._address = f"127.0.0.1:{ports.free()}"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        directory = self._directory
        command = [
            program(),
            f"--config.file={directory / 'prometheus.yaml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={self._address}",
            "--query.lookback-delta=30s",
            "--rules.alert.for-grace-period=0s",
        ]
        # It ends with the test run, however that ends.
        holder = Path(__file__).with_name("supervisor.py")
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(holder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            eventually(self._ready, 60, "Prometheus is ready")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def query(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Return the samples that an expression has now, with their labels."""
        found = self._get("/api/v1/query", query=expression)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def alerts(self, state: str = "firing") -> list[Mapping[str, str]]:
        """Return the labels of the alerts in a state."""
        found = self._get("/api/v1/alerts")["alerts"]
        return [each["labels"] for each in found if each["state"] == state]

    def faults(self) -> list[str]:
        """Return what went wrong with scraping, and with rules."""
        targets = self._get("/api/v1/targets")["activeTargets"]
        groups = self._get("/api/v1/rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        faults = [*(each["lastError"] for each in targets), *(r.get("lastError") for r in rules)]
        return [each for each in faults if each]

    def _get(self, path: str, **query: str) -> Any:
        url = f"http://{self._address}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self._directory / "log").read_text()[-4000:])
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=30) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
