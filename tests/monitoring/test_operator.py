"""The examples for the Prometheus operator: the same rules, and every pod scraped."""

import make_monitoring
import yaml
from manifests.network import selects
from manifests.objects import EXAMPLES, load
from monitoring.rules import FILE


def test_the_rules_for_the_operator_are_the_others() -> None:
    """`make monitoring` was run, and what it writes is what is there."""
    for path, text in make_monitoring.written().items():
        assert path.read_text() == text, f"{path.name}: run `make monitoring`"
    alerts = load(EXAMPLES / "alerts.yaml").get("PrometheusRule", "newstally")
    assert alerts["spec"] == yaml.safe_load(FILE.read_text())


def test_every_pod_is_scraped() -> None:
    """By the port that the admin server has, and no pod that has none."""
    monitor = load(EXAMPLES / "monitoring.yaml").get("PodMonitor", "newstally")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    pods = [*load().pods(), *load(EXAMPLES / "upload-job.yaml").pods()]
    scraped = [pod for pod in pods if selects(monitor["spec"]["selector"], pod.labels)]
    assert {pod.name for pod in scraped} == {"gateway", "extractor", "persister"}
    assert {pod.port(endpoint["port"]) for pod in scraped} == {9101, 9102, 9103}


def test_prometheus_is_let_in() -> None:
    """The policy that the example names lets it reach each of these ports."""
    policy = load(EXAMPLES / "own-policies.yaml").get("NetworkPolicy", "prometheus")["spec"]
    monitor = load(EXAMPLES / "monitoring.yaml").get("PodMonitor", "newstally")["spec"]
    assert policy["podSelector"] == monitor["selector"]
    (rule,) = policy["ingress"]
    assert {port["port"] for port in rule["ports"]} == {9101, 9102, 9103}
