"""The persister's metrics."""

from prometheus_client import Counter, Gauge, Histogram

BATCHES = Counter(
    "newstally_persister_batches_total",
    "Batches answered, by whether they were recorded",
    ["result"],
)
ARTICLES = Counter("newstally_persister_articles_total", "Articles settled", ["outcome"])
ROWS_RECORDED = Counter(
    "newstally_persister_recorded_rows_total", "Rows of the batches that were recorded"
)
COMMIT_SECONDS = Histogram(
    "newstally_persister_commit_seconds",
    "Time of one group of the journal's commands, by kind",
    ["kind"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
WAITING_BYTES = Gauge("newstally_persister_waiting_bytes", "Commands that wait for the journal")
JOURNAL_BYTES = Gauge("newstally_persister_journal_bytes", "Disk that the journal uses")
INTAKE_REFUSED = Counter(
    "newstally_persister_intake_refused_total", "Calls told to wait because the journal was full"
)
OLDEST_UNFLUSHED_SECONDS = Gauge(
    "newstally_persister_oldest_unflushed_seconds",
    "Age of the oldest settled batch that no flush holds yet",
)
FLUSHES = Counter("newstally_persister_flushes_total", "Flushes completed")
FLUSH_SECONDS = Histogram(
    "newstally_persister_flush_seconds",
    "Time from a flush's cut to its last part",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
PARTS = Counter("newstally_persister_parts_total", "Parts applied to the sink")
ROWS_FLUSHED = Counter("newstally_persister_flushed_rows_total", "Rows applied to the sink")
FIRESTORE_WRITES = Counter(
    "newstally_persister_firestore_writes_total", "Writes that Firestore applied, as it bills them"
)
SINK_ERRORS = Counter(
    "newstally_persister_sink_errors_total", "Failed attempts at the sink", ["kind"]
)
SINK_TROUBLE = Gauge(
    "newstally_persister_sink_trouble",
    "1 while the sink fails; permanent: somebody has to mend something",
    ["kind"],
)
