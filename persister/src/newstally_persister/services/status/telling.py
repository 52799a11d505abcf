"""How the persister is, in one message."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from newstally_protos.v1.status_pb2 import PersisterStatus
from newstally_runtime.observing.process import Process, total
from newstally_runtime.observing.recent import Sampled

from newstally_persister.journal.writer import JournalWriter
from newstally_persister.metrics import Metrics
from newstally_persister.services.status.models import Models
from newstally_persister.sinks.health import SinkHealth


@dataclass(frozen=True, slots=True)
class Parts:
    """What it is made of."""

    process: Process
    writer: JournalWriter
    health: SinkHealth
    models: Models
    oldest_seconds: Callable[[], float]
    """For how long the oldest batch that no flush holds yet has waited."""


class Telling:
    """Knows how the persister is."""

    def __init__(
        self,
        parts: Parts,
        metrics: Metrics,
        sink: str,
        journal_limit_bytes: int,
    ) -> None:
        self._parts = parts
        self._sink = sink
        self._limit = journal_limit_bytes
        now, process = time.monotonic(), parts.process
        self._settled = process.rate(Sampled(lambda: total(metrics.articles), now))
        self._writes = process.rate(Sampled(lambda: total(metrics.firestore_writes), now))

    def status(self) -> PersisterStatus:
        """Say how it is now."""
        parts, now = self._parts, time.monotonic()
        trouble = parts.health.trouble
        return PersisterStatus(
            process=parts.process.status(now),
            settled_per_second=self._settled.per_second(now),
            journal_bytes=parts.writer.used_bytes,
            journal_limit_bytes=self._limit,
            shortage=parts.writer.shortage or "",
            oldest_unflushed_seconds=parts.oldest_seconds(),
            sink=self._sink,
            sink_state=parts.health.state,
            sink_error="" if trouble is None else trouble.error,
            sink_remedy="" if trouble is None else trouble.remedy,
            firestore_writes_per_second=self._writes.per_second(now),
            set_aside_rows=parts.health.rows_set_aside,
            models=parts.models.known,
        )
