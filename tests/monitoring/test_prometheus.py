"""A real Prometheus scrapes real services, and tells when the sink stops and when it is back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from monitoring.rules import FILE, rules
from monitoring.test_dashboard import SHOWN, asked
from newstally import NewstallyClient
from support.corpus import make_articles
from support.metrics_page import documented
from support.processes import eventually
from support.prometheus import Prometheus, program, shortened
from support.trio import Trio

pytestmark = pytest.mark.processes

SINK_FAILS = {"alertname": "NewstallySinkFails", "kind": "transient", "severity": "page"}
TROUBLE = {
    "Refused per second, by reason",
    "Failures per second, by reason",
    "Limits hit, by owner",
    "Calls that met a limit of a port",
    "Certificates expire in",
}
"""Panels that are empty where all is well and nothing is secured."""


async def upload(trio: Trio) -> None:
    async with NewstallyClient(trio.gateway.address) as client:
        summary = await client.upload(make_articles(40))
    assert summary.counted == 40


async def test_an_alert_fires_while_the_sink_is_stopped(tmp_path: Path) -> None:
    """All three services are scraped; nothing else fires, and afterwards nothing does."""
    program()  # skips before anything is started
    tallies = tmp_path / "trio" / "data" / "tallies.db"
    with Trio(tmp_path / "trio", extractors=1) as trio:
        await upload(trio)
        fast = shortened(FILE.read_text())
        with Prometheus(tmp_path / "prometheus", fast, trio.processes) as prometheus:
            eventually(lambda: len(prometheus.query("up == 1")) == 3, 90, "all are scraped")
            eventually(lambda: known(prometheus) == expected(), 90, "every metric arrives")
            # Until then no service was seen.
            eventually(lambda: not prometheus.alerts(), 90, "nothing fires")

            with closing(sqlite3.connect(tallies, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                await upload(trio)
                eventually(lambda: prometheus.alerts() == [SINK_FAILS], 90, "that alert fires")
                other.execute("ROLLBACK")
            eventually(lambda: not prometheus.alerts(), 90, "the alert is over")
            eventually(lambda: not prometheus.faults(), 90, "scrapes and rules work")
            eventually(lambda: empty_panels(prometheus) == TROUBLE, 90, "panels have what to show")


def empty_panels(prometheus: Prometheus) -> set[str]:
    """Return which panels of the dashboard have nothing to show."""
    shown = set()
    for panel in SHOWN:
        for target in panel["targets"]:
            if prometheus.query(asked(target["expr"], "1m")):
                shown.add(panel["title"])
    return {panel["title"] for panel in SHOWN} - shown


def known(prometheus: Prometheus) -> set[str]:
    """Return the series of ours that it has."""
    found = prometheus.query('count by (__name__) ({__name__=~"newstally_.*"})')
    return {labels["__name__"] for labels, _ in found}


def expected() -> set[str]:
    """Return the series that have samples in any installation that has counted something."""
    happens = {"certificate", "method", "code", "reason", "owner"}
    told = {"newstally_gateway_refused_articles_total", "newstally_extractor_failures_total"}
    told.add("newstally_gateway_stream_ends_total")
    return {
        series
        for page in documented().values()
        for metric in page.values()
        for series in metric.series
        if metric.name in told or not (metric.labels or frozenset()) & happens
    }


def test_what_is_shortened_is_the_same_otherwise() -> None:
    """The same rules, sixty times as fast, none without a pause that had one."""
    fast = rules(shortened(FILE.read_text()))
    assert [rule["alert"] for rule in fast] == [rule["alert"] for rule in rules()]
    for slow, quick in zip(rules(), fast, strict=True):
        assert ("for" in slow) is ("for" in quick)
        assert slow["labels"] == quick["labels"]
        if "[" not in slow["expr"]:
            assert slow["expr"] == quick["expr"]
    by_name = {rule["alert"]: rule for rule in fast}
    assert by_name["NewstallySinkFails"]["for"] == "10s"
    assert "[5s]" in by_name["NewstallyNothingIsCounted"]["expr"]
