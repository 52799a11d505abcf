"""The gateway's Prometheus metrics, all named newstally_gateway_..."""

from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_runtime.observing.recent import BOUNDS
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "newstally_gateway_"


class Metrics:
    """Every metric of one gateway, registered once in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=registry)

        def histogram(name: str, text: str) -> Histogram:
            return Histogram(PREFIX + name, text, buckets=BOUNDS, registry=registry)

        self.received = counter("received_articles_total", "Articles admitted, by all streams.")
        self.passed_over = counter(
            "passed_over_articles_total",
            "Articles not processed because they were settled already.",
        )
        self.settled = counter(
            "settled_articles_total",
            "Articles settled on its streams, by whichever gateway.",
        )
        self.refused = counter("refused_articles_total", "Articles refused.", "reason")
        # From 0 on: nothing grows that was not there before.
        for reason, number in RefusalReason.items():
            if number:
                self.refused.labels(reason)
        self.streams = gauge("streams", "Client streams open now.")
        self.stream_ends = counter("stream_ends_total", "Client streams ended, by status.", "code")
        self.rejected = counter(
            "rejected_calls_total", "Calls that were not let in, by the reason.", "reason"
        )
        self.memory = gauge("memory_charged_bytes", "Memory charged for articles under way.")
        self.memory_limit = gauge("memory_limit_bytes", "Most memory that may be charged.")
        self.memory_waits = counter("memory_waits_total", "Times a stream had to wait for memory.")

        self.limit_hits = counter(
            "limit_hits_total",
            "Articles held up, and streams turned away, by a limit of a key.",
            *("owner", "limit"),
        )

        self.batches = counter("batches_total", "Batches answered by the persister.")
        self.collisions = counter(
            "batch_collisions_total", "Batches cut anew because another gateway was ahead."
        )
        self.record_retries = counter(
            "record_retries_total", "Tries to record a batch that failed, by status.", "code"
        )
        self.record_seconds = histogram(
            "record_seconds",
            "Seconds from freezing a batch to the persister's answer, retries included.",
        )
        self.waiting_seconds = histogram(
            "waiting_seconds", "Seconds from an article's admission until a replica begins with it."
        )
        self.extraction_seconds = histogram(
            "extraction_seconds", "Seconds from there until the article is answered."
        )
        self.persister_up = gauge("persister_up", "1 while the persister answers that it serves.")

        self.queued = gauge("queued_articles", "Articles that wait for a link.")
        self.suspects = gauge(
            "suspect_articles", "Articles that ran when a link broke, and wait to be tried alone."
        )
        self.requeued = counter(
            "requeued_articles_total", "Articles that a broken link gave back to the queue."
        )
        self.links = gauge("links", "Replicas that are listed, up or not.")
        self.links_up = gauge("links_up", "Replicas that are linked.")
        self.link_up = gauge("link_up", "1 while the link is up.", "link", "model")
        self.link_connects = counter("link_connects_total", "Times the link came up.", "link")
        self.link_articles = gauge(
            "link_outstanding_articles", "Articles sent on the link and not answered.", "link"
        )
        self.link_bytes = gauge(
            "link_outstanding_bytes", "Bytes of content sent on the link and not answered.", "link"
        )
        self.link_results = counter("link_results_total", "Articles answered on the link.", "link")

    def forget_link(self, address: str) -> None:
        """Drop what is shown of a replica that is no longer listed: addresses come and go."""
        shown = (self.link_articles, self.link_bytes, self.link_connects, self.link_results)
        for metric in shown:
            metric.remove(address)
        self.link_up.remove_by_labels({"link": address})
