"""Moves tallies from the journal to the sink: flush after flush, each part until it is applied."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Protocol, TypeVar

import structlog
from newstally_protos.backoff import Backoff

from newstally_persister import metrics
from newstally_persister.flushing import failpoints
from newstally_persister.flushing.backlog import Backlog, FlushLimits
from newstally_persister.flushing.marks import check_mark
from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.sinks.base import JournalMismatchError, Sink, SinkError
from newstally_persister.sinks.health import SinkHealth
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry, OpenFlush, Position

log = structlog.get_logger()

ATTEMPT_SECONDS = 60.0
"""How long one call of the sink may take before it counts as failed."""
EXPIRED_AT_A_TIME = 1_000
"""Receipts in one call of the sink."""

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class FlushJournal(Protocol):
    """The flusher's side of the journal; see JournalStore for what each call does."""

    async def position(self) -> Position: ...  # noqa: D102
    async def has_unapplied(self) -> bool: ...  # noqa: D102
    async def open_flush(self) -> OpenFlush | None: ...  # noqa: D102
    async def cut(self) -> int | None: ...  # noqa: D102
    async def plan_part(self, flush: int, limits: PartLimits) -> Part | None: ...  # noqa: D102
    async def read_part(self, flush: int, number: int) -> Part: ...  # noqa: D102
    async def part_done(self, flush: int, number: int) -> bool: ...  # noqa: D102
    async def expirable(self, limit: int) -> Expiry | None: ...  # noqa: D102
    async def forget(self, expiry: Expiry) -> None: ...  # noqa: D102


class _LeftOpenError(Exception):
    """The sink failed while the process is ending: the next start goes on with the flush."""


def _delays() -> Iterator[float]:
    backoff = Backoff(first_seconds=0.1, longest_seconds=15.0)
    while True:
        yield backoff.next_seconds()


class Flusher:
    """One loop over flushes. Run it in one task."""

    def __init__(
        self,
        journal: FlushJournal,
        sink: Sink,
        limits: FlushLimits,
        health: SinkHealth,
        on_fatal: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        delays: Callable[[], Iterator[float]] = _delays,
    ) -> None:
        self._journal = journal
        self._sink = sink
        self._health = health
        self._on_fatal = on_fatal
        self._clock = clock
        self._delays = delays
        self._backlog = Backlog(limits)
        self._news = asyncio.Event()
        self._finishing = asyncio.Event()

    def recorded(self, rows: int) -> None:
        """Note a batch that was recorded, so that it is flushed in time."""
        before = self._backlog.due_at()
        self._backlog.add(rows, self._clock())
        due = self._backlog.due_at()
        # When it is due later than before, whoever waits finds out by itself.
        if before is None or (due is not None and due < before):
            self._news.set()

    def oldest_seconds(self) -> float:
        """Return for how long the oldest batch that no flush holds yet has waited."""
        return self._backlog.age_seconds(self._clock())

    def finish(self) -> None:
        """Let `run` return after one more flush; at once where the sink fails."""
        self._finishing.set()
        self._news.set()

    async def run(self) -> None:
        """Flush until `finish`, or until journal or sink forbid it, which is fatal."""
        try:
            await self._run()
        except* JournalMismatchError as mismatches:
            self._on_fatal(str(mismatches.exceptions[0]))
        except* JournalClosedError:
            pass  # the journal has told why
        except* _LeftOpenError:
            log.warning("sink fails: ends unflushed", remedy="none needed: the next start goes on")

    async def _run(self) -> None:
        mark = await self._insist(self._sink.mark, (await self._journal.position()).journal_id)
        check_mark(await self._journal.position(), mark)
        left_open = await self._journal.open_flush()
        if left_open is not None:
            await self._complete(left_open)
        if await self._journal.has_unapplied():
            self.recorded(0)
        while True:
            await self._expire()
            if not await self._until_due():
                return
            self._backlog.cut()
            failpoints.reach("before-fixing")
            number = await self._journal.cut()
            if number is not None:
                await self._complete(OpenFlush(number, undone=(), planned=False))

    async def _until_due(self) -> bool:
        """Wait for the next flush; False when there is none because the process ends."""
        while True:
            self._news.clear()
            due = self._backlog.due_at()
            if self._finishing.is_set():
                # The journal is asked, so that the last flush leaves nothing behind.
                return due is not None or await self._journal.has_unapplied()
            now = self._clock()
            if due is not None and due <= now:
                return True
            try:
                async with asyncio.timeout(None if due is None else due - now):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _complete(self, flush: OpenFlush) -> None:
        """Apply a flush's parts: the first alone, because it moves the mark; then several."""
        begun = self._clock()
        room = asyncio.Semaphore(self._sink.parts_in_flight)
        async with asyncio.TaskGroup() as group, aclosing(self._parts(flush, room)) as parts:
            async for part in parts:
                if part.number == 1:
                    await self._move(part, room)
                else:
                    group.create_task(self._move(part, room))
        metrics.FLUSHES.inc()
        metrics.FLUSH_SECONDS.observe(self._clock() - begun)

    async def _parts(self, flush: OpenFlush, room: asyncio.Semaphore) -> AsyncGenerator[Part, None]:
        """Yield the parts that a crash left undone, then new ones, each when there is room."""
        for number in flush.undone:
            await room.acquire()
            yield await self._journal.read_part(flush.flush, number)
        while True:
            await room.acquire()
            part = await self._journal.plan_part(flush.flush, self._sink.part_limits)
            if part is None:
                return
            failpoints.reach("after-fixing")
            yield part

    async def _move(self, part: Part, room: asyncio.Semaphore) -> None:
        try:
            await self._insist(self._sink.apply, part)
            failpoints.reach("after-reply")
            await self._journal.part_done(part.flush, part.number)
        finally:
            room.release()
        metrics.PARTS.inc()
        metrics.ROWS_FLUSHED.inc(len(part.publications) + len(part.entities))

    async def _expire(self) -> None:
        """Let the receipts of complete flushes go."""
        while (expiry := await self._journal.expirable(EXPIRED_AT_A_TIME)) is not None:
            await self._insist(self._sink.expire, expiry)
            failpoints.reach("after-expiring")
            await self._journal.forget(expiry)

    async def _insist(
        self, call: Callable[[Argument], Awaitable[Result]], argument: Argument
    ) -> Result:
        """Call the sink until it answers."""
        for delay in self._delays():
            try:
                result = await self._attempt(call(argument))
            except JournalMismatchError:
                raise
            except Exception as error:  # noqa: BLE001 - an unknown error is transient
                self._health.failed(error)
            else:
                self._health.worked()
                return result
            await self._pause(delay)
        raise AssertionError("delays never end")

    async def _attempt(self, call: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await call
        except TimeoutError as error:
            raise SinkError(f"no answer within {ATTEMPT_SECONDS:.0f} s") from error

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._finishing.wait()
        except TimeoutError:
            return
        raise _LeftOpenError
