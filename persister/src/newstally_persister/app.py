"""The persister, put together."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from functools import partial

import grpc
import structlog
from newstally_protos.v1 import (
    journal_pb2,
    journal_pb2_grpc,
    persister_pb2,
    persister_pb2_grpc,
    set_aside_pb2,
    set_aside_pb2_grpc,
    tally_pb2,
    tally_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from newstally_runtime.admin import Readiness
from newstally_runtime.service import CannotStartError, Lifecycle
from prometheus_client import REGISTRY, CollectorRegistry

from newstally_persister.flushing.flusher import Flusher
from newstally_persister.flushing.tracing import Carried, Commits, FlushTrace
from newstally_persister.journal.errors import JournalDiskError, JournalError
from newstally_persister.journal.opening import OpenJournal, open_journal
from newstally_persister.journal.reader_thread import JournalReads
from newstally_persister.journal.space import SpaceLimits
from newstally_persister.journal.tables import owned, set_aside
from newstally_persister.journal.writer import JournalWriter
from newstally_persister.metrics import Metrics
from newstally_persister.services.journal_service import JournalService
from newstally_persister.services.owners import Tokens
from newstally_persister.services.set_aside_service import SetAsideService
from newstally_persister.services.status.models import Models
from newstally_persister.services.status.status_service import PersisterService
from newstally_persister.services.status.telling import Parts, Telling
from newstally_persister.services.tally_service import TallyService
from newstally_persister.services.upload_service import UploadService
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.base import Sink
from newstally_persister.sinks.health import SinkHealth
from newstally_persister.sinks.questions.asked import Questions
from newstally_persister.sinks.questions.sqlite import SqliteQuestions
from newstally_persister.sinks.sqlite import GROWTH, SqliteSink
from newstally_persister.values.batches import Batch
from newstally_persister.values.open_uploads import OpenUploads

log = structlog.get_logger()


def make_persister(settings: PersisterSettings, lifecycle: Lifecycle) -> "Persister":
    """Open the journal and put the service together. Raises CannotStartError."""
    try:
        journal = open_journal(settings.data_dir)
    except JournalError as error:
        raise CannotStartError(str(error), passing=isinstance(error, JournalDiskError)) from error
    log.info("journal open", path=str(journal.path))
    try:
        return Persister(settings, journal, lifecycle)
    except (sqlite3.Error, OSError) as error:
        journal.close()
        raise CannotStartError(
            f"cannot measure the journal {journal.path}: {error}. Check its disk", passing=True
        ) from error


def _make_sink(
    settings: PersisterSettings, metrics: Metrics, health: SinkHealth
) -> tuple[Sink, Questions]:
    match settings.sink:
        case "sqlite":
            sink = SqliteSink(
                settings.sqlite_file,
                settings.receipt_days,
                settings.sqlite_max_bytes,
                settings.journal_headroom_bytes // 2 if settings.shares_disk else 0,
            )
            return sink, SqliteQuestions(sink)
        case "firestore":
            # Google's libraries take a second to import: only who uses them waits for them.
            from newstally_persister.sinks.firestore.making import make_sink  # noqa: PLC0415
            from newstally_persister.sinks.questions.firestore import (  # noqa: PLC0415
                FirestoreQuestions,
            )
            from newstally_persister.sinks.questions.firestore_compact import (  # noqa: PLC0415
                CompactQuestions,
            )

            made = make_sink(settings, metrics, health.beside)
            if settings.firestore_layout == "compact":
                return made, CompactQuestions(made.connection, metrics)
            return made, FirestoreQuestions(made.connection, metrics)


class Persister:
    """Journal, flusher, sink and the services; a newstally_runtime Service."""

    def __init__(
        self,
        settings: PersisterSettings,
        journal: OpenJournal,
        lifecycle: Lifecycle,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """Call it on the event loop that serves. Raises sqlite3.Error and OSError."""
        metrics = self._metrics = Metrics(registry)
        self._journal = journal
        self._health = SinkHealth(metrics)
        sink, self._questions = _make_sink(settings, metrics, self._health)
        self._sink = sink
        self._lifecycle = lifecycle
        self._writer = JournalWriter(
            journal,
            SpaceLimits(
                settings.journal_max_bytes,
                settings.journal_headroom_bytes,
                GROWTH if settings.shares_disk else 0.0,
            ),
            lifecycle.fatal,
            metrics,
            self._recorded,
        )
        self._reads = JournalReads(journal.path, lifecycle.fatal)
        carried = Carried()
        self._flusher = Flusher(
            self._writer,
            sink,
            settings.flush_limits,
            self._health,
            metrics,
            # Journal and sink that contradict each other do so at the next start, too.
            partial(lifecycle.fatal, restart_helps=False),
            trace=FlushTrace(lifecycle.traces, carried),
        )
        self._tokens = Tokens()
        self._uploads_per_day = settings.uploads_per_day
        self._models = Models()
        self._open_uploads = OpenUploads()
        commits = Commits(lifecycle.traces, carried)
        self._recording = JournalService(self._writer, metrics, self._open_uploads, commits)
        lifecycle.process.stage(self._flusher.times)
        oldest = self._flusher.oldest_seconds
        self._telling = Telling(
            Parts(lifecycle.process, self._writer, self._health, self._models, oldest),
            metrics,
            settings.sink,
            settings.journal_max_bytes,
        )
        self._flushing: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        metrics.models.set_function(lambda: len(self._models.known))
        metrics.waiting_bytes.set_function(lambda: self._writer.waiting_bytes)
        metrics.oldest_unflushed_seconds.set_function(self._flusher.oldest_seconds)

    def register(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the services."""
        journal_pb2_grpc.add_JournalServiceServicer_to_server(self._recording, server)
        upload_pb2_grpc.add_UploadServiceServicer_to_server(
            UploadService(
                self._writer,
                self._reads,
                self._tokens.next,
                self._uploads_per_day,
                open_uploads=self._open_uploads,
            ),
            server,
        )
        set_aside_pb2_grpc.add_SetAsideServiceServicer_to_server(
            SetAsideService(self._reads, self._retry_set_aside), server
        )
        persister_pb2_grpc.add_PersisterServiceServicer_to_server(
            PersisterService(self._writer, self._telling.status, self._metrics.new_errors), server
        )
        tally_pb2_grpc.add_TallyServiceServicer_to_server(
            TallyService(self._sink, self._questions, self._reads, self._flusher.applied_seconds),
            server,
        )
        return [
            journal_pb2.DESCRIPTOR.services_by_name["JournalService"].full_name,
            upload_pb2.DESCRIPTOR.services_by_name["UploadService"].full_name,
            set_aside_pb2.DESCRIPTOR.services_by_name["SetAsideService"].full_name,
            persister_pb2.DESCRIPTOR.services_by_name["PersisterService"].full_name,
            tally_pb2.DESCRIPTOR.services_by_name["TallyService"].full_name,
        ]

    async def start(self) -> None:
        """Begin to journal and to flush. The sink need not be there."""
        self._models.note(await self._reads.run(lambda reader: reader.models()))
        self._writer.start()
        self._tokens.begin(await self._writer.run(owned.begin_epoch, int(time.time())))
        self._flushing = asyncio.create_task(self._flusher.run(), name="flusher")
        self._lifecycle.watch(self._flushing)
        self._keeping = asyncio.create_task(self._keep(), name="keeper")
        self._lifecycle.watch(self._keeping)

    def readiness(self) -> Readiness:
        """Ready while it can journal: a sink that fails is shown and does not matter here."""
        shortage = self._writer.shortage
        return Readiness(
            ready=True,
            details={
                "journal": {"intake": "open" if shortage is None else f"waits: {shortage}"},
                "sink": self._health.details(),
            },
        )

    async def drain(self, seconds: float) -> None:
        """Record what is under way, then move what is in the journal to the sink."""
        del seconds  # the runtime cancels this
        await self._recording.drain()
        self._flusher.finish()
        if self._flushing is not None:
            await self._flushing

    async def close(self) -> None:
        """End every thread, close every file, let the data directory go."""
        tasks = [task for task in (self._flushing, self._keeping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._reads.close()
        ended = await self._writer.close()
        await self._sink.close()
        if ended:
            await asyncio.to_thread(self._journal.close)

    async def _keep(self) -> None:
        # What the flusher asks first must not wait behind this in the sink's thread: whether the
        # sink is of this journal is known only then.
        await self._flusher.until_answered()
        await self._sink.keep()

    async def _retry_set_aside(self) -> int:
        rows = await self._writer.run(set_aside.retry)
        self._health.show_set_aside(0)
        self._flusher.recorded(rows)
        return rows

    def _recorded(self, batch: Batch) -> None:
        self._metrics.batches.labels("recorded").inc()
        self._metrics.articles.labels("counted").inc(batch.counted)
        self._metrics.articles.labels("refused").inc(len(batch.refusals))
        self._metrics.rows_recorded.inc(len(batch.tallies))
        self._flusher.recorded(batch.rows)
        self._models.note(batch.models)
