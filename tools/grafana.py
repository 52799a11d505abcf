"""Makes a dashboard of Grafana (as its version 10 exports it) of a short description."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

COLUMNS = 24
"""The width of a dashboard."""
SIZES = {"stat": (4, 4), "timeseries": (8, 8)}
"""Width and height of a panel, by kind."""
QUANTILES = {"half": 0.5, "9 of 10": 0.9, "99 of 100": 0.99}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


def dashboard(rows: Sequence[Json]) -> str:
    """Return the dashboard as Grafana imports it."""
    return (
        json.dumps(
            {
                "uid": "newstally",
                "title": "Newstally",
                "tags": ["newstally"],
                "schemaVersion": 38,
                "version": 1,
                "editable": True,
                "graphTooltip": 1,
                "refresh": "30s",
                "time": {"from": "now-1h", "to": "now"},
                "timezone": "utc",
                "annotations": {"list": []},
                "links": [],
                "templating": {"list": [_datasource(), _namespace()]},
                "panels": list(_panels(rows)),
            },
            indent=1,
        )
        + "\n"
    )


def queries(panel: Json) -> Iterator[tuple[str, str]]:
    """Yield each query of a described panel as Prometheus knows it, with its legend."""
    if "quantiles" in panel:
        for legend, quantile in QUANTILES.items():
            rate = f"sum by (le) (rate({panel['quantiles']}_bucket{{N}}[R]))"
            yield _written(f"histogram_quantile({quantile}, {rate})"), legend
    for query in panel.get("queries", ()):
        yield _written(query["expr"]), query.get("legend", panel["title"])


def _written(query: str) -> str:
    chosen = query.replace("{N", '{namespace=~"$namespace"')
    return chosen.replace("[R]", "[$__rate_interval]")


def _panels(rows: Sequence[Json]) -> Iterator[Json]:
    number, top = 0, 0
    for row in rows:
        number += 1
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        yield {
            "id": number,
            "type": "row",
            "title": row["row"],
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        left, top, height = 0, top + 1, 0
        for panel in row["panels"]:
            number += 1
            width, height = SIZES[panel.get("kind", "timeseries")]
            if left + width > COLUMNS:
                left, top = 0, top + height
            yield _panel(panel, number, {"x": left, "y": top, "w": width, "h": height})
            left += width
        top += height


def _panel(panel: Json, number: int, place: Json) -> Json:
    kind = panel.get("kind", "timeseries")
    return {
        "id": number,
        "type": kind,
        "title": panel["title"],
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel["unit"], "min": 0}, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}}
        if kind == "stat"
        else {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expr, "legendFormat": to}
            for place, (expr, to) in enumerate(queries(panel))
        ],
    }


def _datasource() -> Json:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _namespace() -> Json:
    """Return the choice of installations; where there are no namespaces "All" is right."""
    query = "label_values(newstally_release_info, namespace)"
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "namespaces"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }
