"""Writes what monitoring needs, from what people read and change (`make monitoring`).

deploy/prometheus/newstally.rules.yaml ──▶ k8s/examples/alerts.yaml, for the Prometheus operator
deploy/grafana/panels.yaml ──▶ deploy/grafana/newstally.json, for Grafana
"""

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import yaml
from grafana import dashboard

REPOSITORY = Path(__file__).resolve().parents[1]
RULES = REPOSITORY / "deploy" / "prometheus" / "newstally.rules.yaml"
ALERTS = REPOSITORY / "k8s" / "examples" / "alerts.yaml"
PANELS = REPOSITORY / "deploy" / "grafana" / "panels.yaml"
DASHBOARD = PANELS.with_name("newstally.json")
_HEAD = """\
# Alerts, for the Prometheus operator (monitoring.coreos.com/v1, which has to be installed). A copy
# of deploy/prometheus/newstally.rules.yaml by `make monitoring`: change them there. Your Prometheus
# has to select this namespace's rules; where it asks for a label, add it. What to do when one
# fires: docs/runbook.md. Written by the operator's reference: it was not tried in a cluster.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: newstally
  namespace: newstally
  labels:
    app.kubernetes.io/name: prometheus
    app.kubernetes.io/part-of: newstally
    app.kubernetes.io/component: metrics
    app.kubernetes.io/version: {version}
spec:
"""


def alerts(rules: str, version: str) -> str:
    """Return the rules as an object for the operator: the same lines, further in."""
    groups = rules[rules.index("groups:\n") :]
    return _HEAD.format(version=version) + textwrap.indent(groups, "  ")


def written() -> Mapping[Path, str]:
    """Return every file that is written, with what belongs into it."""
    # `make image-names` writes the version into all manifests, this one among them.
    version = ALERTS.read_text().partition("version: ")[2].partition("\n")[0]
    return {
        ALERTS: alerts(RULES.read_text(), version),
        DASHBOARD: dashboard(yaml.safe_load(PANELS.read_text())),
    }


def main() -> int:
    """Write the files."""
    for path, text in written().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
