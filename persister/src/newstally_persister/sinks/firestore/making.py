"""The sink as the settings describe it."""

import os
from dataclasses import replace
from functools import partial

from newstally_persister.metrics import Metrics
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.firestore.compact.folding import LIMITS
from newstally_persister.sinks.firestore.compact.listing.layout import ListedLayout
from newstally_persister.sinks.firestore.connection import Connection, connect
from newstally_persister.sinks.firestore.ramp import Ramp
from newstally_persister.sinks.firestore.sink import FirestoreSink, MakeLayout, documents_layout
from newstally_persister.sinks.firestore.tending import Tell

LIMITS_VARIABLE = "NEWSTALLY_FOLD_LIMITS"
"""`log_bytes=1800,leaf_rows=3` and so on: for tests, whose few articles would fill no log."""


def make_sink(settings: PersisterSettings, metrics: Metrics, tell: Tell) -> FirestoreSink:
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
        layout=_compact(settings) if settings.firestore_layout == "compact" else documents_layout,
        tell=tell,
    )


def _compact(settings: PersisterSettings) -> MakeLayout:
    given = os.environ.get(LIMITS_VARIABLE, "")
    pairs = (pair.split("=") for pair in given.split(",") if pair)
    limits = replace(LIMITS, **{name: int(number) for name, number in pairs})
    return partial(ListedLayout, limits=limits, every_seconds=settings.firestore_list_seconds)
