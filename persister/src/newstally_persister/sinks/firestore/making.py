"""The sink as the settings describe it."""

from newstally_persister.metrics import Metrics
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.connection import Connection, connect
from newstally_persister.sinks.firestore.ramp import Ramp
from newstally_persister.sinks.firestore.sink import FirestoreSink, documents_layout


def make_sink(settings: PersisterSettings, metrics: Metrics) -> FirestoreSink:
    """Return the sink; nothing is connected to yet."""
    ramp = settings.firestore_ramp
    return FirestoreSink(
        Connection(lambda: connect(settings.firestore_project, settings.firestore_database)),
        settings.receipt_days,
        metrics,
        # With a ramp no part is larger than what a second allows: nobody waits long for a turn.
        part_writes=min(settings.firestore_part_writes, ramp or settings.firestore_part_writes),
        ramp=Ramp(ramp) if ramp else None,
        parts_in_flight=settings.firestore_parts_in_flight,
        days_kept=settings.days_kept,
        layout=CompactLayout if settings.firestore_layout == "compact" else documents_layout,
    )
