"""Grafana's dashboard: it asks for what there is, in a language that Prometheus knows."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana import COLUMNS, dashboard
from make_monitoring import DASHBOARD
from monitoring.rules import run
from support.metrics_page import documented

Json = dict[str, Any]
BOARD: Json = json.loads(DASHBOARD.read_text())
PANELS: list[Json] = BOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
PROCESS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}
"""What the client library has for every process."""
PROMETHEUS = {"namespace", "job", "instance", "le"}
"""Labels that every series may have, and buckets."""
UNITS = {"short", "s", "bytes", "percentunit", "cps", "bool_yes_no"}
"""Some of Grafana's."""
WORDS = {
    *("by", "on", "group_left", "sum", "max", "min", "count", "rate", "changes", "time"),
    "histogram_quantile",
}


def queries() -> list[str]:
    """Return every query of the dashboard."""
    return [target["expr"] for panel in SHOWN for target in panel["targets"]]


def asked(query: str, interval: str) -> str:
    """Return a query as Prometheus gets it when all namespaces are chosen."""
    return query.replace("$namespace", ".*").replace("$__rate_interval", interval)


def wrong(query: str, legend: str) -> list[str]:
    """Return what a query names that is not there."""
    known = {
        series: metric.labels or frozenset()
        for page in documented().values()
        for metric in page.values()
        for series in metric.series
    } | dict.fromkeys(PROCESS, frozenset[str]())
    bare = re.sub(r'"[^"]*"', "", query)
    series = set(re.findall(r"\b(?:newstally|process)_\w+", bare))
    labels = {*re.findall(r"\{\{(\w+)\}\}", legend)}
    for group in (
        *re.findall(r"\{([^}]*)\}", bare),
        *re.findall(r"(?:by|on|left) \(([^)]*)", bare),
    ):
        labels.update(re.findall(r"\w+", group))
    allowed = PROMETHEUS.union(*(known.get(each, frozenset()) for each in series))
    rest = set(re.findall(r"[a-z_]{2,}", re.sub(r"\$\w+", "", bare))) - WORDS - labels - series
    return sorted((series - known.keys()) | (labels - allowed) | rest)


@pytest.mark.parametrize("panel", SHOWN, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_there_is(panel: Json) -> None:
    """Metrics and labels of docs/metrics.md, in queries and in legends."""
    assert panel["targets"]
    for target in panel["targets"]:
        assert wrong(target["expr"], target["legendFormat"]) == []
        assert 'namespace=~"$namespace"' in target["expr"]


def test_what_is_not_there_is_noticed() -> None:
    """A metric, a label, and one in a legend."""
    assert wrong("sum by (model) (newstally_gateway_link_up)", "{{model}}") == []
    assert wrong("newstally_gateway_link_ups", "") == ["newstally_gateway_link_ups"]
    assert wrong("sum by (modell) (newstally_gateway_link_up)", "") == ["modell"]
    assert wrong('newstally_gateway_link_up{colour="red"}', "") == ["colour"]
    assert wrong("newstally_gateway_link_up", "{{owner}}") == ["owner"]


def test_prometheus_can_read_the_queries(tmp_path: Path) -> None:
    """As rules, of which promtool reads every expression."""
    rules = [
        {"record": f"query:{number}", "expr": asked(query, "1m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run("check", "rules", str(file))
    assert done.returncode == 0, done.stderr


def test_it_is_what_grafana_imports() -> None:
    """Ids, references, units, and a source that whoever imports it chooses."""
    ids = [panel["id"] for panel in PANELS]
    assert sorted(ids) == list(range(1, len(PANELS) + 1))
    assert BOARD["schemaVersion"] >= 36
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == (
        *("datasource", "prometheus"),
    )
    source = {"type": "prometheus", "uid": "${datasource}"}
    assert variables["namespace"]["datasource"] == source
    assert variables["namespace"]["definition"] == "label_values(newstally_release_info, namespace)"
    for panel in SHOWN:
        assert panel["type"] in ("stat", "timeseries")
        assert panel["datasource"] == source
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(set(legends)) == len(legends)
        assert all(target["datasource"] == source for target in panel["targets"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_no_panel_lies_over_another() -> None:
    """Each has a place of its own, within the width."""
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= COLUMNS for panel in PANELS)


def test_rows_of_any_length_have_their_places() -> None:
    """Panels that do not fit beside the others go below."""
    panel = {"unit": "short", "queries": [{"expr": "up"}]}
    rows = [{"row": "R", "panels": [{**panel, "title": str(n)} for n in range(7)]}]
    places = [each["gridPos"] for each in json.loads(dashboard(rows))["panels"]]
    assert [(each["x"], each["y"]) for each in places] == [
        *((0, 0), (0, 1), (8, 1), (16, 1), (0, 9), (8, 9), (16, 9), (0, 17)),
    ]
