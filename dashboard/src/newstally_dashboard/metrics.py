"""The dashboard's Prometheus metrics, all named newstally_dashboard_..."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "newstally_dashboard_"
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class Metrics:
    """Every metric of one dashboard, registered once in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            PREFIX + "requests_total",
            "Requests answered, by page and status.",
            ("page", "status"),
            registry=registry,
        )
        self.request_seconds = Histogram(
            PREFIX + "request_seconds",
            "Seconds from a request to the end of its answer, by page.",
            ("page",),
            buckets=BOUNDS,
            registry=registry,
        )
        self.calls = Counter(
            PREFIX + "calls_total",
            "Calls to the gateway, by method and status.",
            ("method", "code"),
            registry=registry,
        )
        self.call_seconds = Histogram(
            PREFIX + "call_seconds",
            "Seconds that a call to the gateway took, without waiting for its turn, by method.",
            ("method",),
            buckets=BOUNDS,
            registry=registry,
        )
        self.questions = Counter(
            PREFIX + "questions_total",
            "Questions of pages, by where the answer came from: cache, joined or gateway.",
            ("source",),
            registry=registry,
        )
        self.cache_bytes = Gauge(
            PREFIX + "cache_bytes", "Bytes of the answers that are kept.", registry=registry
        )
