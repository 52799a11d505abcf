"""Moves tallies from the journal to the sink: carries out what the machine decides."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import structlog
from newstally_protos.backoff import Backoff
from newstally_runtime.observing.recent import Times

from newstally_persister import failpoints
from newstally_persister.flushing.applied import Applied
from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.flushing.calls import (
    ApplyPart,
    AskMark,
    BeginVoid,
    Call,
    CutFlush,
    ExpireReceipts,
    FinishVoid,
    MarkDone,
    PlanPart,
    ReadProgress,
    SinkCall,
    VoidPart,
)
from newstally_persister.flushing.machine import (
    Completed,
    Effect,
    FlushMachine,
    State,
    Stopped,
    Stuck,
)
from newstally_persister.flushing.tracing import FlushTrace
from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import (
    JournalMismatchError,
    PartRefusedError,
    Sink,
    SinkError,
)
from newstally_persister.sinks.health import SinkHealth
from newstally_persister.values.voids import Voided

log = structlog.get_logger()

ATTEMPT_SECONDS = 60.0
"""How long one call of the sink may take before it counts as failed."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Journal(Protocol):
    """What the flusher needs of the journal."""

    async def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """See JournalStore.run. Raises JournalClosedError."""
        ...


def _delays() -> Iterator[float]:
    backoff = Backoff(first_seconds=0.1, longest_seconds=15.0)
    while True:
        yield backoff.next_seconds()


class Flusher:
    """The machine's shell. Run it in one task, once."""

    def __init__(
        self,
        journal: Journal,
        sink: Sink,
        limits: FlushLimits,
        health: SinkHealth,
        metrics: Metrics,
        on_fatal: Callable[[str], None],
        *,
        delays: Callable[[], Iterator[float]] = _delays,
        trace: FlushTrace | None = None,
    ) -> None:
        self._trace = trace or FlushTrace()
        self._journal = journal
        self._sink = sink
        self._health = health
        self._metrics = metrics
        self._on_fatal = on_fatal
        self.times = Times("flushing", time.monotonic(), metrics.flush_seconds)
        """How long flushes took of late."""
        self._machine = FlushMachine(limits, sink.part_limits, sink.parts_in_flight, delays)
        self._applied = Applied()
        self._news = asyncio.Event()
        self._answered = asyncio.Event()
        self._finishing = False
        self._calls: set[asyncio.Task[None]] = set()

    def recorded(self, rows: int) -> None:
        """Note a batch that was recorded, so that it is flushed in time."""
        before = self._machine.wake_at()
        self._machine.recorded(rows, time.monotonic())
        after = self._machine.wake_at()
        # When it is due later than before, whoever waits finds out by itself.
        if after is not None and (before is None or after < before):
            self._news.set()

    def oldest_seconds(self) -> float:
        """Return for how long the oldest batch that no flush holds yet has waited."""
        return self._machine.oldest_seconds(time.monotonic())

    def applied_seconds(self) -> float | None:
        """Return up to when what was settled is in the sink (since 1970); None: not known."""
        return self._applied.upto(time.time(), idle=self._machine.idle)

    async def until_answered(self) -> None:
        """Wait for the first answer of the sink: until then it is not known to be the right one."""
        await self._answered.wait()

    def finish(self) -> None:
        """Let `run` return after what is there was flushed; at once where the sink fails."""
        self._finishing = True
        self._news.set()

    async def run(self) -> None:
        """Flush until `finish`, or until journal or sink forbid it, which is fatal."""
        async with asyncio.TaskGroup() as group:
            self._carry_out(self._machine.begin(), group)
            while self._machine.state is not State.ENDED:
                await self._until_news()
                if self._finishing:
                    self._carry_out(self._machine.finish(time.monotonic()), group)
                self._carry_out(self._machine.woken(time.monotonic()), group)
            for call in self._calls:
                call.cancel()

    async def _until_news(self) -> None:
        at = self._machine.wake_at()
        try:
            async with asyncio.timeout(None if at is None else at - time.monotonic()):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def _carry_out(self, effects: Sequence[Effect], group: asyncio.TaskGroup) -> None:
        for effect in effects:
            match effect:
                case Completed(flush, seconds):
                    log.debug("flush completed", flush=flush, seconds=round(seconds, 3))
                    self._trace.end()
                    self._applied.complete()
                    self._metrics.flushes.inc()
                    self.times.observe(seconds, time.monotonic())
                case Stopped():
                    self._tell(effect)
                case Stuck():
                    self._health.stuck()
                case call_wanted:
                    call = group.create_task(self._do(call_wanted, group))
                    self._calls.add(call)
                    call.add_done_callback(self._calls.discard)

    def _tell(self, stopped: Stopped) -> None:
        if stopped.fatal is not None:
            self._on_fatal(stopped.fatal)
        self._trace.end("left open")
        if stopped.left_open:
            log.warning("sink fails: ends unflushed", remedy="none needed: the next start goes on")

    async def _do(self, call: Call, group: asyncio.TaskGroup) -> None:
        structlog.contextvars.unbind_contextvars("trace_id", "span_id")
        structlog.contextvars.bind_contextvars(**self._trace.ids)
        try:
            answer = await (self._ask(call) if isinstance(call, SinkCall) else self._work(call))
        except Exception as error:  # noqa: BLE001 - the machine decides what it means
            effects = self._machine.failed(call, error, time.monotonic())
        else:
            effects = self._machine.answered(call, answer, time.monotonic())
        self._carry_out(effects, group)
        self._news.set()  # it may be due at another time now, or have ended

    async def _work(self, call: Any) -> Any:
        """Ask the journal."""
        if isinstance(call, CutFlush):
            failpoints.reach("before-fixing")
            self._applied.cut(time.time())
            self._trace.cutting()
        answer = await self._journal.run(call)
        match call:
            case CutFlush() if answer is None:
                self._applied.complete()
            case CutFlush():
                self._trace.cut(answer)
            case ReadProgress():
                self._health.show_set_aside(answer.set_aside)
            case PlanPart() if answer is not None:
                failpoints.reach("after-fixing")
            case BeginVoid() if answer:
                failpoints.reach("before-tombstone")
            case FinishVoid():
                self._voided(answer)
            case MarkDone(part):
                self._metrics.parts.inc()
                self._metrics.rows_flushed.inc(part.rows)
        return answer

    def _voided(self, voided: Voided) -> None:
        self._metrics.parts_voided.inc()
        self._health.show_set_aside(voided.rows_set_aside)
        if voided.set_aside is not None:
            self._health.refused_row(voided.set_aside)
        failpoints.reach("after-replanning")

    async def _ask(self, call: SinkCall) -> Any:
        """Ask the sink, once."""
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                answer = await self._of_sink(call)
        except JournalMismatchError:
            raise
        except PartRefusedError:
            # Not what it says: that may quote a row, and so an article.
            log.warning("sink refuses a part", remedy="none needed: voided")
            raise
        except Exception as error:
            if isinstance(error, TimeoutError):
                error = SinkError(f"no answer within {ATTEMPT_SECONDS:.0f} s")
            self._health.failed(error)
            raise
        self._health.worked()
        self._answered.set()
        return answer

    async def _of_sink(self, call: SinkCall) -> Any:
        match call:
            case AskMark(progress):
                return await self._sink.mark(progress.position.journal_id)
            case ApplyPart(part):
                span = self._trace.part(part.flush, part.number, part.rows)
                try:
                    await self._sink.apply(part)
                    span.end()
                finally:
                    span.end("failed")
                failpoints.reach("after-reply")
            case VoidPart(part):
                applied_before = not await self._sink.void(part)
                failpoints.reach("after-tombstone")
                return not applied_before
            case ExpireReceipts(expiry):
                await self._sink.expire(expiry)
                failpoints.reach("after-expiring")
        return None
