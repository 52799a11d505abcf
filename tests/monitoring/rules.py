"""The alert rules as the tests see them, and a case in which each fires and one in which not."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.processes import REPOSITORY

FILE = REPOSITORY / "deploy" / "prometheus" / "newstally.rules.yaml"
Rule = dict[str, Any]
Series = Mapping[str, str]
"""Values by series, one a minute, as promtool writes them: "0+5x60" grows by 5, sixty times."""

GATEWAY = "newstally_gateway_"
PERSISTER = "newstally_persister_"


@dataclass(frozen=True, slots=True)
class Case:
    """Two situations, and when to look."""

    fires: Series
    quiet: tuple[Series, ...]
    minutes: int


def rules(text: str | None = None) -> list[Rule]:
    """Return all rules of the file."""
    described = yaml.safe_load(text or FILE.read_text())
    return [rule for group in described["groups"] for rule in group["rules"]]


def promtool() -> str:
    """Return the program; skips where it is not at hand."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: Debian's package prometheus has it")
    return found


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    command = [promtool(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def situation(alert: str, series: Series, minutes: int, firing: int) -> dict[str, Any]:
    """Return a test for promtool: so many alerts of this name fire then; 0: not until then."""
    firings = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    told = firings if firing else f"last_over_time({firings}[3h])"
    expression = f"count({told}) or vector(0)"
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": expression,
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": firing}],
            }
        ],
    }


def holds(directory: Path, text: str, *situations: dict[str, Any]) -> str | None:
    """Return None where these rules behave so, otherwise what promtool says."""
    (directory / "rules.yaml").write_text(text)
    test = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": situations}
    (directory / "test.yaml").write_text(yaml.safe_dump(test))
    done = run("test", "rules", str(directory / "test.yaml"))
    return None if done.returncode == 0 else done.stdout + done.stderr


def metrics_of(expression: str) -> dict[str, set[str]]:
    """Return our series that an expression names, each with the labels that it matches."""
    found: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"\b(newstally_\w+)\s*(?:\{([^}]*)\})?", expression):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    return found


def release(service: str, version: str = "0.3.0", instance: str = "a") -> str:
    """Return the series of one process's release."""
    return (
        f'newstally_release_info{{service="{service}", version="{version}", revision="1",'
        f' job="newstally", instance="{instance}"}}'
    )


REFUSED = GATEWAY + 'refused_articles_total{reason="REFUSAL_REASON_%s"}'
SINK = PERSISTER + 'sink_trouble{kind="%s"}'
ALL_SEEN = {release(each): "1x60" for each in ("gateway", "extractor", "persister")}
STARTED = 'process_start_time_seconds{job="newstally", instance="a"}'
EXPIRES = 'newstally_certificate_expires_timestamp_seconds{certificate="port"}'
DAY = 86400

CASES: Mapping[tuple[str, str], Case] = {
    ("NewstallyNothingIsCounted", "page"): Case(
        {
            GATEWAY + "memory_charged_bytes": "70000x60",
            PERSISTER + 'articles_total{outcome="counted"}': "0+60x20 1200x40",
        },
        (
            # The last was counted three minutes ago.
            {
                GATEWAY + "memory_charged_bytes": "70000x60",
                PERSISTER + 'articles_total{outcome="counted"}': "0+60x28 1680x40",
            },
            # Nothing comes.
            {
                GATEWAY + "memory_charged_bytes": "0x60",
                PERSISTER + 'articles_total{outcome="counted"}': "10x60",
            },
            # Refused is settled, too.
            {
                GATEWAY + "memory_charged_bytes": "70000x60",
                PERSISTER + 'articles_total{outcome="refused"}': "0+1x60",
            },
        ),
        30,
    ),
    ("NewstallyPersisterAway", "page"): Case(
        {GATEWAY + "persister_up": "1x10 0x20"},
        (
            {GATEWAY + "persister_up": "1x10 0x1 1x20"},
            {
                GATEWAY + 'persister_up{instance="a"}': "0x60",
                GATEWAY + 'persister_up{instance="b"}': "1x60",
            },
        ),
        13,
    ),
    ("NewstallyNoReplica", "page"): Case(
        {GATEWAY + "links_up": "2x10 0x20"},
        (
            {GATEWAY + "links_up": "1x60"},
            {
                GATEWAY + 'links_up{instance="a"}': "0x60",
                GATEWAY + 'links_up{instance="b"}': "1x60",
            },
        ),
        13,
    ),
    ("NewstallyUnseen", "page"): Case(
        {**ALL_SEEN, release("persister"): "1x10 stale"}, (ALL_SEEN,), 20
    ),
    ("NewstallyIntakeStopped", "page"): Case(
        {PERSISTER + "intake_open": "1x10 0x20"}, ({PERSISTER + "intake_open": "1x10 0 1x20"},), 13
    ),
    ("NewstallyJournalFills", "page"): Case(
        {PERSISTER + "journal_bytes": "2300x30", PERSISTER + "journal_limit_bytes": "4000x30"},
        ({PERSISTER + "journal_bytes": "1900x30", PERSISTER + "journal_limit_bytes": "4000x30"},),
        10,
    ),
    ("NewstallyDiskFills", "page"): Case(
        # 20 MB a minute are 4.8 GB in four hours.
        {PERSISTER + "journal_disk_free_bytes": "4000000000-20000000x60"},
        (
            {PERSISTER + "journal_disk_free_bytes": "40000000000-20000000x60"},
            {PERSISTER + "journal_disk_free_bytes": "100000000x60"},
        ),
        45,
    ),
    ("NewstallySinkFails", "page"): Case(
        {SINK % "permanent": "0x60", SINK % "transient": "0x10 1x50"},
        (
            {SINK % "permanent": "0x60", SINK % "transient": "0x60"},
            {SINK % "permanent": "0x60", SINK % "transient": "1x8 0 1x8 0x60"},
        ),
        25,
    ),
    ("NewstallyCertificateExpires", "page"): Case(
        {EXPIRES: f"{2 * DAY}x60"}, ({EXPIRES: f"{3 * DAY}x60"},), 10
    ),
    ("NewstallyCertificateExpires", "ticket"): Case(
        {EXPIRES: f"{14 * DAY}x120"}, ({EXPIRES: f"{15 * DAY}x120"},), 90
    ),
    ("NewstallyCertificateUnusable", "ticket"): Case(
        {'newstally_certificate_files_unusable{certificate="mtls"}': "0x5 1x60"},
        ({'newstally_certificate_files_unusable{certificate="mtls"}': "1x5 0x60"},),
        20,
    ),
    ("NewstallyAppliedLags", "ticket"): Case(
        {PERSISTER + "oldest_unflushed_seconds": "0+60x60", SINK % "transient": "0x60"},
        (
            {PERSISTER + "oldest_unflushed_seconds": "590x60", SINK % "transient": "0x60"},
            # That is told by itself.
            {PERSISTER + "oldest_unflushed_seconds": "0+60x60", SINK % "transient": "1x60"},
        ),
        20,
    ),
    ("NewstallyRowsSetAside", "ticket"): Case(
        {PERSISTER + "set_aside_rows": "0x5 2x60"}, ({PERSISTER + "set_aside_rows": "0x60"},), 15
    ),
    ("NewstallyReplicasMissing", "ticket"): Case(
        {GATEWAY + "links": "3x60", GATEWAY + "links_up": "3x5 2x60"},
        (
            {GATEWAY + "links": "3x60", GATEWAY + "links_up": "3x60"},
            {GATEWAY + "links": "3x60", GATEWAY + "links_up": "2x12 3x60"},
        ),
        25,
    ),
    ("NewstallyRestarts", "ticket"): Case(
        {STARTED: "100x5 200x5 300x5 400x60", release("extractor"): "1x60"},
        (
            {STARTED: "100x5 200x5 300x60", release("extractor"): "1x60"},
            # Somebody else's process.
            {STARTED: "100x5 200x5 300x5 400x60", release("extractor", instance="b"): "1x60"},
        ),
        25,
    ),
    ("NewstallySuspects", "ticket"): Case(
        # Again and again, and away while one is tried.
        {GATEWAY + "suspect_articles": "0x5 1 0x2 1 0x2 1 0x2 1 0x2 1 0x2 1 0x2 1 0x9"},
        # One article, for as long as it may be tried.
        ({GATEWAY + "suspect_articles": "0x5 1x5 0x60"},),
        25,
    ),
    ("NewstallyArticlesRefused", "ticket"): Case(
        {REFUSED % "POISON": "0x20 6x60", REFUSED % "EXTRACTION_FAILED": "0x20 6x60"},
        (
            {REFUSED % "POISON": "0x20 6x60"},
            # Whoever sent these is told, and extractors are well.
            {REFUSED % "CONTENT_EMPTY": "0+100x60"},
        ),
        40,
    ),
    ("NewstallyNewErrors", "ticket"): Case(
        {PERSISTER + "new_errors_total": "0x20 1x60"},
        ({PERSISTER + "new_errors_total": "3x90"},),
        40,
    ),
    ("NewstallyReleasesDiffer", "ticket"): Case(
        {release("gateway"): "1x90", release("persister", "0.2.0"): "1x90"},
        (
            {release("gateway"): "1x90", release("persister"): "1x90"},
            # A rollout of half an hour.
            {release("gateway"): "1x90", release("persister", "0.2.0"): "1x30 stale"},
        ),
        80,
    ),
    ("NewstallyModelsDiffer", "ticket"): Case(
        {
            GATEWAY + 'link_up{link="a", model="m 1"}': "1x90",
            GATEWAY + 'link_up{link="b", model="m 2"}': "1x90",
        },
        (
            {
                GATEWAY + 'link_up{link="a", model="m 1"}': "1x90",
                GATEWAY + 'link_up{link="b", model="m 1"}': "1x90",
            },
            {
                GATEWAY + 'link_up{link="a", model="m 1"}': "1x90",
                GATEWAY + 'link_up{link="a", model="m 2"}': "0x90",
            },
        ),
        80,
    ),
    ("NewstallyLimitHit", "ticket"): Case(
        {GATEWAY + 'limit_hits_total{owner="sports", limit="streams"}': "0+1x120"},
        ({GATEWAY + 'limit_hits_total{owner="sports", limit="streams"}': "0+1x30 30x90"},),
        90,
    ),
    ("NewstallyUploadContested", "ticket"): Case(
        {PERSISTER + 'batches_total{result="fenced"}': "0+2x90"},
        (
            {PERSISTER + 'batches_total{result="fenced"}': "0x10 2x90"},
            {PERSISTER + 'batches_total{result="recorded"}': "0+50x90"},
        ),
        50,
    ),
}
