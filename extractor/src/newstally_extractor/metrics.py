"""What an extractor counts."""

from newstally_protos.v1.extractor_pb2 import FailureReason
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Info

from newstally_extractor.engines.engine import Engine


class Metrics:
    """The extractor's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them; once per registry."""
        self.articles = Counter(
            "newstally_extractor_articles_total", "Articles answered", registry=registry
        )
        self.characters = Counter(
            "newstally_extractor_characters_total",
            "Characters of the articles that went through the engine",
            registry=registry,
        )
        self.batches = Counter(
            "newstally_extractor_batches_total", "Model batches", registry=registry
        )
        self.batch_seconds = Histogram(
            "newstally_extractor_batch_seconds",
            "Time a model batch took in the engine",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60),
            registry=registry,
        )
        self.handed_back = Counter(
            "newstally_extractor_handed_back_articles_total",
            "Articles handed back because their model batch took too long",
            registry=registry,
        )
        self.failures = Counter(
            "newstally_extractor_failures_total",
            "Articles answered with a failure, by its reason",
            ["reason"],
            registry=registry,
        )
        # From 0 on: nothing grows that was not there before.
        for reason, number in FailureReason.items():
            if number:
                self.failures.labels(reason.removeprefix("FAILURE_REASON_"))
        self.stalled_links = Counter(
            "newstally_extractor_stalled_links_total",
            "Links that were cut because their gateway did not read",
            registry=registry,
        )
        self.links = Gauge("newstally_extractor_links", "Open links", registry=registry)
        self.waiting_articles = Gauge(
            "newstally_extractor_waiting_articles",
            "Articles that wait for a model batch",
            registry=registry,
        )
        self.waiting_bytes = Gauge(
            "newstally_extractor_waiting_bytes",
            "Bytes of content that wait for a model batch",
            registry=registry,
        )
        self._engine = Info(
            "newstally_extractor_engine", "The engine and its pipeline", registry=registry
        )

    def show_engine(self, engine: Engine) -> None:
        """Show which engine runs which pipeline."""
        self._engine.info(
            {"engine": engine.name, "model": engine.model, "model_version": engine.model_version}
        )
