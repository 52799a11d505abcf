"""The persister's Prometheus metrics, all named newstally_persister_..."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "newstally_persister_"
BATCH_RESULTS = ("recorded", "out_of_turn", "fenced", "over_limit", "unknown_upload")


class Metrics:
    """Every metric of one persister, registered once in the registry given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=registry)

        self.batches = counter(
            "batches_total", "Batches answered, by whether they were recorded", "result"
        )
        self.articles = counter("articles_total", "Articles settled", "outcome")
        self.rows_recorded = counter(
            "recorded_rows_total", "Rows of the batches that were recorded"
        )
        self.commit_seconds = Histogram(
            PREFIX + "commit_seconds",
            "Time of one group of the journal's commands, by kind",
            ["kind"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=registry,
        )
        self.waiting_bytes = gauge("waiting_bytes", "Commands that wait for the journal")
        self.journal_bytes = gauge("journal_bytes", "Disk that the journal uses")
        self.journal_limit_bytes = gauge("journal_limit_bytes", "Most disk that it may use")
        self.journal_disk_free_bytes = gauge(
            "journal_disk_free_bytes", "What the disk that the journal is on has left"
        )
        self.intake_open = gauge(
            "intake_open", "1 while the journal takes more; 0: there is no room but for flushes"
        )
        self.intake_refused = counter(
            "intake_refused_total", "Calls told to wait because the journal was full"
        )
        self.oldest_unflushed_seconds = gauge(
            "oldest_unflushed_seconds", "Age of the oldest settled batch that no flush holds yet"
        )

        self.flushes = counter("flushes_total", "Flushes completed")
        self.flush_seconds = Histogram(
            PREFIX + "flush_seconds",
            "Time from a flush's cut to its last part",
            buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
            registry=registry,
        )
        self.parts = counter("parts_total", "Parts applied to the sink")
        self.parts_voided = counter(
            "voided_parts_total", "Parts that the sink refused, and whose rows were planned anew"
        )
        self.rows_set_aside = gauge(
            "set_aside_rows", "Rows that the sink refuses even alone: somebody has to look at them"
        )
        self.rows_flushed = counter("flushed_rows_total", "Rows applied to the sink")
        self.firestore_writes = counter(
            "firestore_writes_total", "Writes that Firestore applied, as it bills them"
        )
        self.question_reads = counter(
            "firestore_question_reads_total", "Documents read for questions by day, as billed"
        )
        self.sink_errors = counter("sink_errors_total", "Failed attempts at the sink", "kind")
        self.sink_trouble = gauge(
            "sink_trouble",
            "1 while the sink fails; permanent: somebody has to mend something",
            "kind",
        )
        self.new_errors = counter(
            "new_errors_total",
            "Errors of any service that no release before is known to have had, each once",
        )
        self.models = gauge("models", "In how many ways the tallies were counted")
        # From 0 on: nothing grows that was not there before.
        for result in BATCH_RESULTS:
            self.batches.labels(result)
        for outcome in ("counted", "refused"):
            self.articles.labels(outcome)
        for kind in ("permanent", "transient"):
            self.sink_errors.labels(kind)
            self.sink_trouble.labels(kind)
