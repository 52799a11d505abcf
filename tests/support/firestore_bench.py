"""A journal, a flusher and a Firestore sink in the test's process, and a plain reader of the store.

The flusher may die at any moment and start again, as a process would.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Self

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import AsyncClient
from google.cloud.firestore_v1.base_query import FieldFilter
from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.flushing.flusher import Flusher
from newstally_persister.journal.opening import open_journal
from newstally_persister.journal.space import SpaceLimits
from newstally_persister.journal.tables import flushes
from newstally_persister.journal.writer import JournalWriter
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection, connect
from newstally_persister.sinks.firestore.sink import Deadlines, FirestoreSink
from newstally_persister.sinks.health import SinkHealth
from newstally_persister.values.uploads import NewUpload
from newstally_protos.wire import ANONYMOUS_OWNER
from support.firestore_days import Places, found_places
from support.firestore_patience import Patience
from unit.persister.building import Article, Tallies, batch, metrics

DEFAULT_DATABASE = "(default)"
WAIT_SECONDS = 120.0
"""A machine may be that busy; the deadlines grow meanwhile."""
IMPATIENT = Deadlines(commit_seconds=0.3, read_seconds=0.3)
"""So short that calls that are never answered take little of a test; see `firestore_patience`."""
PART_WRITES = 4
"""So few that a few articles make several parts."""
MakeSink = Callable[[Connection], FirestoreSink]


def small_parts(connection: Connection) -> FirestoreSink:
    """Return a sink whose parts are so small that a few articles make several."""
    return FirestoreSink(
        connection, 7, metrics(), part_writes=PART_WRITES, parts_in_flight=3, deadlines=IMPATIENT
    )


class Bench:
    """One persister's journal with its flusher, on a database of its own in the emulator."""

    def __init__(self, directory: Path, project: str, make_sink: MakeSink = small_parts) -> None:
        """FIRESTORE_EMULATOR_HOST says where the sink finds Firestore."""
        self.project = project
        self.fatal: list[str] = []
        self.health = SinkHealth(metrics())
        self._make_sink = make_sink
        self._journal = open_journal(directory)
        self._next: Counter[str] = Counter()
        self._run: asyncio.Task[None] | None = None
        self._patience = Patience()

    async def __aenter__(self) -> Self:
        limits = SpaceLimits(most=2**40, headroom=0)
        self.writer = JournalWriter(self._journal, limits, self.fatal.append, metrics())
        self.writer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.die()
        assert await self.writer.close()
        self._journal.close()

    def start(self) -> None:
        """Start flushing, as a new process does."""
        self._sink = self._make_sink(Connection(self._connect))
        self._flusher = Flusher(
            self.writer,
            self._sink,
            FlushLimits(age_seconds=0.001, rows=1),
            self.health,
            metrics(),
            self.fatal.append,
            delays=lambda: repeat(0.002),
        )
        self._run = asyncio.create_task(self._flusher.run())

    async def _connect(self) -> FirestoreClient:
        return self._patience.stretch(await connect(self.project, DEFAULT_DATABASE))

    async def die(self) -> None:
        """Stop at once, wherever it is; what was sent may be applied or not."""
        run, self._run = self._run, None
        if run is not None:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            await self._sink.close()

    async def record(self, upload_id: str, articles: list[Article]) -> None:
        """Settle articles of an upload."""
        if upload_id not in self._next:
            await self.writer.create_upload(NewUpload(upload_id, ANONYMOUS_OWNER))
        read = batch(upload_id, self._next[upload_id], articles)
        recorded = await self.writer.record(read)
        assert recorded
        assert recorded.recorded
        self._next[upload_id] += len(articles)
        if self._run is not None:
            self._flusher.recorded(read.rows)

    def hurry(self) -> None:
        """Let the flusher look whether something waits."""
        self._flusher.recorded(1)

    async def until_applied(self) -> None:
        """Wait until all that is settled is applied, or the flusher has given up."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not self.fatal and await self.writer.run(flushes.has_unapplied):
                if self._run is not None and self._run.done() and not self.fatal:
                    raise AssertionError("the flusher has ended") from self._run.exception()
                await asyncio.sleep(0.001)


class Store:
    """What the emulator holds for one project, read plainly, without the sink."""

    def __init__(self, emulator: str, project: str) -> None:
        self._emulator = emulator
        self._client = AsyncClient(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        self._client._emulator_host = emulator  # past the proxy

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client._firestore_api_internal is not None:  # it knows no other way
            await self._client._firestore_api_internal.transport.close()

    @property
    def client(self) -> AsyncClient:
        """A client of the emulator itself."""
        return self._client

    async def tallies(self) -> Tallies:
        """Recount: every document of every publication."""
        return (await self.counts())[0]

    async def counts(self) -> tuple[Tallies, Places]:
        """Recount, in all and by day and month: every document of every publication."""
        total: Tallies = Counter()
        dated: Places = Counter()
        async for publication in self._client.collection("publications").stream():
            found = publication.to_dict() or {}
            key = " ".join(found["name"].split()).casefold()
            total[key, "", "", "articles"] = found["articles"]
            total[key, "", "", "mentions"] = found["mentions"]
            dated += found_places(key, "", "", found)
            async for entity in publication.reference.collection("entities").stream():
                row = entity.to_dict() or {}
                total[key, row["text"], row["label"], "mentions"] = row["mentions"]
                total[key, row["text"], row["label"], "articles"] = row["articles"]
                dated += found_places(key, row["text"], row["label"], row)
        return +total, dated

    async def sweep(self) -> int:
        """Delete receipts as the TTL policy does, as if their time had come; return how many."""
        expiring = self._client.collection("flushes").where(
            filter=FieldFilter("expire_at", ">", datetime(1970, 1, 2, tzinfo=UTC))
        )
        receipts = [receipt.reference async for receipt in expiring.stream()]
        for reference in receipts:
            await reference.delete()
        return len(receipts)
