"""The flusher: each part until the sink answers, trouble shown, a clean end."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import repeat
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.flushing.flusher import Flusher
from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.sinks.base import (
    JournalMismatchError,
    Mark,
    PermanentSinkError,
    SinkError,
)
from newstally_persister.sinks.health import SinkHealth
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import (
    Article,
    batch,
    database,
    eventually,
    metrics,
    recount,
    sink_tallies,
)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
ARTICLES: list[Article] = [("Post", [(f"e{n}", "P")]) for n in range(9)] + [None]
NOW = FlushLimits(age_seconds=0.001, rows=1)


class DirectJournal:
    """The journal without its thread: the store, called at once."""

    def __init__(self, store: JournalStore) -> None:
        self.store = store

    async def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        return self.store.run(work, *args, **named)


class RemoteSink(SqliteSink):
    """Tallies behind a bad line: what is in `failures` happens instead of, or after, a call."""

    def __init__(self) -> None:
        self.tallies = SqliteTallies(database())
        self.failures: list[Exception | Callable[[Part], None]] = []
        self.under_way: set[str] = set()
        self.seen: list[tuple[frozenset[str], str]] = []
        self.applied = asyncio.Event()

    @property
    def part_limits(self) -> PartLimits:
        return PartLimits(rows=3, size_bytes=10_000)

    @property
    def parts_in_flight(self) -> int:
        return 2

    async def mark(self, journal_id: str) -> Mark:
        return self.tallies.mark(journal_id)

    async def apply(self, part: Part) -> None:
        self.seen.append((frozenset(self.under_way), part.id))
        self.under_way.add(part.id)
        try:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self._apply(part)
        finally:
            self.under_way.discard(part.id)

    def _apply(self, part: Part) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        self.tallies.apply(part)
        if failure is not None:
            failure(part)

    async def expire(self, expiry: Expiry) -> None:
        self.tallies.expire(expiry, 100, 0)

    async def close(self) -> None:
        self.tallies.close()


def lose_the_reply(_: Part) -> None:
    raise SinkError("the line broke")


class Bench:
    """A flusher between a journal and a sink."""

    def __init__(self, limits: FlushLimits = NOW) -> None:
        self.connection = database()
        self.store = JournalStore(self.connection)
        self.store.create_uploads([NewUpload("u", "anonymous")], 1)
        self.sink = RemoteSink()
        self.health = SinkHealth(metrics())
        self.fatal: list[str] = []
        self.limits = limits

    def flusher(self, journal: type[DirectJournal] = DirectJournal) -> Flusher:
        return Flusher(
            journal(self.store),
            self.sink,
            self.limits,
            self.health,
            metrics(),
            self.fatal.append,
            delays=lambda: repeat(0.001),
        )

    def record(self, first: int, articles: list[Article]) -> None:
        self.store.record_batches([batch("u", first, articles)], 2)

    def applied(self) -> int:
        upload = self.store.get_upload("u")
        assert upload
        return upload.applied_offset

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Flusher]:
        flusher = self.flusher()
        task = asyncio.create_task(flusher.run())
        try:
            yield flusher
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until_applied(self, offset: int) -> None:
        await eventually(lambda: self.applied() >= offset)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.connection.close()
    made.sink.tallies.close()


async def test_what_is_recorded_is_applied_by_itself(bench: Bench) -> None:
    """Nothing but a recorded batch is needed for its tallies to reach the sink."""
    async with bench.running() as flusher:
        bench.record(0, ARTICLES)
        flusher.recorded(10)
        await bench.until_applied(10)
    assert sink_tallies(bench.sink.tallies) == recount(ARTICLES)


async def test_refusals_alone_become_applied(bench: Bench) -> None:
    """An upload of refusals is applied by age, although nothing is sent."""
    async with bench.running() as flusher:
        bench.record(0, [None, None])
        flusher.recorded(0)
        await bench.until_applied(2)
    assert bench.sink.seen == []


async def test_a_start_goes_on_where_the_last_process_ended(bench: Bench) -> None:
    """An open flush is finished, and what waited in the heap is flushed, without any new batch."""
    bench.record(0, ARTICLES)
    bench.store.run(flushes.cut)
    part = bench.store.run(flushes.plan_part, 1, bench.sink.part_limits)
    assert part
    bench.sink.tallies.apply(part)  # and then it was killed
    bench.record(10, ARTICLES)
    async with bench.running():
        await bench.until_applied(20)
    assert sink_tallies(bench.sink.tallies) == recount(ARTICLES * 2)


async def test_lost_replies_count_nothing_twice(bench: Bench) -> None:
    """A part whose reply was lost is sent again, and the receipt answers."""
    bench.sink.failures = [lose_the_reply, SinkError("before"), lose_the_reply, lose_the_reply]
    bench.record(0, ARTICLES)
    async with bench.running():
        await bench.until_applied(10)
    assert bench.sink.failures == []
    assert sink_tallies(bench.sink.tallies) == recount(ARTICLES)


async def test_the_first_part_goes_alone_then_several(bench: Bench) -> None:
    """Part 1 moves the mark before any other is sent; then at most two are under way."""
    bench.record(0, ARTICLES)
    async with bench.running():
        await bench.until_applied(10)
    assert bench.sink.seen[0][1].endswith("-1-1")
    assert bench.sink.seen[1][0] == frozenset()
    assert max(len(others) for others, _ in bench.sink.seen) == 1
    assert len(bench.sink.seen) == 4


async def test_unknown_errors_are_transient(bench: Bench) -> None:
    """Whatever else a sink raises is tried again; nothing ends the flusher."""
    bench.sink.failures = [ValueError("odd"), RuntimeError("odder"), TimeoutError()]
    bench.record(0, ARTICLES)
    async with bench.running():
        await bench.until_applied(10)
    assert bench.fatal == []


async def test_permanent_trouble_is_shown_and_mended(bench: Bench) -> None:
    """Error, remedy and since-when are shown until an attempt works; intake is not involved."""
    mended = asyncio.Event()

    async def apply(part: Part) -> None:
        if not mended.is_set():
            raise PermanentSinkError("no permission", "grant roles/datastore.user")
        bench.sink.tallies.apply(part)

    bench.sink.apply = apply  # type: ignore[method-assign]
    bench.record(0, ARTICLES)
    async with bench.running():
        await eventually(lambda: bench.health.trouble is not None)
        shown = bench.health.details()
        assert shown["state"] == "permanent error"
        assert shown["remedy"] == "grant roles/datastore.user"
        assert "no permission" in shown["error"]
        bench.record(10, ARTICLES)
        mended.set()
        await bench.until_applied(10)
    assert bench.health.details() == {"state": "working"}


async def test_a_mismatch_is_fatal(bench: Bench) -> None:
    """A sink that knows more than the journal ends the process with the message."""
    bench.record(0, ARTICLES)
    other = Part(bench.store.run(flushes.position).journal_id, 1, 1, "another digest", [], [])
    async with asyncio.timeout(60):
        bench.sink.failures = [JournalMismatchError(f"{other.id} does not fit")]
        await bench.flusher().run()
    assert bench.fatal == [f"{other.id} does not fit"]


async def test_an_older_journal_is_refused_before_anything_is_sent(bench: Bench) -> None:
    """The mark is looked at first, and nothing is cut or applied."""
    journal_id = bench.store.run(flushes.position).journal_id
    bench.sink.tallies.apply(Part(journal_id, 1, 1, "digest", [], []))
    bench.record(0, ARTICLES)
    async with asyncio.timeout(60):
        await bench.flusher().run()
    assert "older than the sink" in bench.fatal[0]
    assert bench.sink.seen == []
    assert bench.store.run(flushes.open_flush) is None


async def test_the_end_flushes_what_is_there(bench: Bench) -> None:
    """finish() does not wait for age: one more flush, and run() returns."""
    bench.limits = FlushLimits(age_seconds=3_600, rows=10**9)
    flusher = bench.flusher()
    task = asyncio.create_task(flusher.run())
    bench.record(0, ARTICLES)
    flusher.recorded(10)
    flusher.finish()
    async with asyncio.timeout(60):
        await task
    assert bench.applied() == 10


async def test_the_end_does_not_wait_for_a_sink_that_fails(bench: Bench) -> None:
    """finish() gives up at the first failure; the flush stays open for the next start."""
    bench.record(0, ARTICLES)
    bench.sink.failures = [SinkError("down")] * 1_000_000
    flusher = bench.flusher()
    task = asyncio.create_task(flusher.run())
    await eventually(lambda: bench.health.trouble is not None)
    flusher.finish()
    async with asyncio.timeout(60):
        await task
    opened = bench.store.run(flushes.open_flush)
    assert opened
    assert opened.undone == (1,)
    assert bench.fatal == []


async def test_receipts_go_after_their_flush(bench: Bench) -> None:
    """Once a flush is complete the sink hears of it, and the journal forgets its parts."""
    bench.record(0, ARTICLES)
    async with bench.running():
        journal_id = bench.store.run(flushes.position).journal_id
        await eventually(lambda: bench.sink.tallies.mark(journal_id) == Mark(1, 1))
        await eventually(lambda: bench.store.run(flushes.expirable, 10) is None)


async def test_a_journal_that_failed_ends_the_flusher_quietly(bench: Bench) -> None:
    """The journal has told why already."""

    class Failed(DirectJournal):
        async def run(self, *_: Any, **__: Any) -> Any:
            raise JournalClosedError

    flusher = bench.flusher(Failed)
    async with asyncio.timeout(60):
        await flusher.run()
    assert bench.fatal == []
