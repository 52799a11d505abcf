"""`newstally up` may be said in any directory."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.processes import REPOSITORY
from support.trio import RULES

PLANTED = ("queue", "json", "logging", "typing", "newstally_gateway", "grpc", "sqlite3")
"""Modules that services import, and one that is a service."""


def test_files_of_the_working_directory_are_not_run(tmp_path: Path) -> None:
    """Whoever may write there must not be able to run code in the services."""
    here = tmp_path / "here"
    here.mkdir()
    for name in PLANTED:
        plant = f"open({str(tmp_path / 'run')!r}, 'a').write('{name}\\n'); raise SystemExit(1)"
        (here / f"{name}.py").write_text(plant)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
    environment.pop("PYTHONSAFEPATH", None)
    command = [str(Path(sys.executable).with_name("newstally")), "up", "--port", "0"]
    flags = ["--extractors", "1", "--engine", RULES, "--set", "gateway.heartbeat=3"]
    with subprocess.Popen(
        [*command, *flags],
        cwd=here,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("ready: ")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not (tmp_path / "run").exists()
