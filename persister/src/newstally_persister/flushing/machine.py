"""What the flusher does next. Pure: events come in with the time, calls go out.

    STARTING ──▶ CHECKING ──mark fits──┬─a flush is open─▶ FLUSHING ──complete──▶ EXPIRING
      where?       the mark            └────none──────────────────────────────────▶ │  ▲
                     │                                                   none left ▼  │
                     ▼ mark does not fit                     FLUSHING ◀── CUTTING ◀── WAITING
                   ENDED                                                    │ nothing ──▲

A flush goes out in parts; see `parts`. When all of them are marked done, their receipts may expire,
and are forgotten after that; then the next flush may begin.

What could go wrong, and why it does not:

- *An answer to an earlier life.* Calls are individuals, and a machine lives as long as its process:
  what was asked before a crash is answered to nobody, and the journal tells where to begin.
- *The sink's answer is lost.* The same part is sent again, until its receipt answers. Nothing else
  follows from a failure, so no part is done, and no flush complete, without the sink's word.
- *The sink refuses a part.* It is voided, see `journal/tables/voiding`. Only its own refusal does
  that: what has no answer may have been applied, and is asked about again.
- *The order over a crash.* Every call changes at most one of the two, and can be repeated: planning
  goes on behind the last planned part, a done part stays done, an expired receipt expires again.
- *The end.* `finish` cuts until nothing is left. What the sink does not take now stays planned: the
  next start goes on with it. A call that waits for another try is given up, one under way is not.
- *Settings change at a restart.* Limits only matter for parts that are not planned yet.
- *A call fails that may not.* The journal's failures end the process: whether such a call was
  committed is for the next start to find out. A mark or receipt of somebody else is fatal.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from newstally_persister.flushing.backlog import Backlog, FlushLimits
from newstally_persister.flushing.calls import (
    ApplyPart,
    AskMark,
    BeginVoid,
    Call,
    CutFlush,
    ExpireReceipts,
    FindExpirable,
    Forget,
    ReadProgress,
    SinkCall,
)
from newstally_persister.flushing.marks import check_mark
from newstally_persister.flushing.parts import FlushParts
from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.journal.tables import set_aside
from newstally_persister.sinks.base import JournalMismatchError, Mark, PartRefusedError
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import OpenFlush, Progress

EXPIRED_AT_A_TIME = 1_000
"""Receipts in one call of the sink."""
REASON_CHARS = 200
"""Of what the sink says about a refused part, kept with the rows that are set aside."""


class State(Enum):
    """What the machine waits for; see the diagram."""

    STARTING = "the journal tells how far it is"
    CHECKING = "the sink tells its mark"
    EXPIRING = "receipts of complete flushes expire"
    WAITING = "a flush is not due yet"
    CUTTING = "the journal closes the heap"
    FLUSHING = "parts of a flush are under way"
    ENDED = "nothing is asked any more"


@dataclass(frozen=True, slots=True)
class Completed:
    """A flush is complete: every part is marked done."""

    flush: int
    seconds: float
    """Since its cut, or since the start that went on with it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is asked any more, and answers to what is under way change nothing."""

    fatal: str | None = None
    """Why the process must not go on."""
    left_open: bool = False
    """Whether the sink failed while the process ends: the next start goes on."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A row is refused, and it cannot be set aside: too many are. It is tried again."""


Effect = Call | Completed | Stopped | Stuck
_NO_FLUSH = OpenFlush(0, undone=(), planned=True)


class FlushMachine:
    """One flusher's decisions. `now` is seconds of a monotonic clock."""

    def __init__(
        self,
        limits: FlushLimits,
        part_limits: PartLimits,
        parts_in_flight: int,
        delays: Callable[[], Iterator[float]],
        expired_at_a_time: int = EXPIRED_AT_A_TIME,
        set_aside_limit: int = set_aside.LIMIT,
    ) -> None:
        """`delays` gives a call of the sink its waits, in seconds, between one try and the next."""
        self._backlog = Backlog(limits)
        self._part_limits = part_limits
        self._parts_in_flight = parts_in_flight
        self._new_delays = delays
        self._expired_at_a_time = expired_at_a_time
        self._set_aside_limit = set_aside_limit
        self._state = State.STARTING
        self._finishing = False
        self._flush = self._parts(_NO_FLUSH)
        self._begun = 0.0
        self._delays: dict[Call, Iterator[float]] = {}
        self._retry_at: dict[SinkCall, float] = {}
        self._stuck_delays = delays()

    @property
    def state(self) -> State:
        """What it waits for."""
        return self._state

    def oldest_seconds(self, now: float) -> float:
        """Return for how long the oldest batch that no flush holds yet has waited."""
        return self._backlog.age_seconds(now)

    @property
    def idle(self) -> bool:
        """Whether all that was recorded is in the sink."""
        return self._backlog.empty and self._state in (State.WAITING, State.EXPIRING)

    def wake_at(self) -> float | None:
        """Return when to call `woken`, if nothing else happens; None: nothing is due."""
        due = self._backlog.due_at() if self._state is State.WAITING else None
        return min((at for at in (due, *self._retry_at.values()) if at is not None), default=None)

    # Events

    def begin(self) -> list[Effect]:
        """Begin. Called once."""
        return [ReadProgress()]

    def recorded(self, rows: int, now: float) -> None:
        """Note a batch that was recorded; `wake_at` may be earlier now."""
        self._backlog.add(rows, now)

    def woken(self, now: float) -> list[Effect]:
        """Do what is due by now; calling it too early or too often does no harm."""
        due = [call for call, at in self._retry_at.items() if at <= now]
        for call in due:
            del self._retry_at[call]
        return [*due, *(self._wait(now) if self._state is State.WAITING else [])]

    def finish(self, now: float) -> list[Effect]:
        """Flush what there is and end; at once where the sink fails."""
        self._finishing = True
        if self._retry_at:
            return self._end(Stopped(left_open=True))
        return self.woken(now)

    def answered(self, call: Call, answer: Any, now: float) -> list[Effect]:
        """Take the answer to a call."""
        if self._state is State.ENDED:
            return []
        self._delays.pop(call, None)
        effects: list[Effect]
        match call:
            case ReadProgress():
                self._state = State.CHECKING
                effects = [AskMark(answer)]
            case AskMark(progress):
                effects = self._resume(progress, answer, now)
            case CutFlush():
                effects = self._cut(answer, now)
            case FindExpirable():
                effects = self._wait(now) if answer is None else [ExpireReceipts(answer)]
            case ExpireReceipts(expiry):
                effects = [Forget(expiry)]
            case Forget():
                effects = self._expire()
            case BeginVoid(part) if not answer:
                effects = self._stuck(part, now)
            case _:
                effects = self._advance(self._flush.answered(call, answer), now)
        return effects

    def failed(self, call: Call, error: Exception, now: float) -> list[Effect]:
        """Take the failure of a call. What it does not know is transient in the sink.

        Raises the error when it is a defect: one in the journal that ended neither.
        """
        if self._state is State.ENDED:
            return []
        match error:
            case JournalMismatchError():
                return self._end(Stopped(fatal=str(error)))
            case JournalClosedError():
                return self._end(Stopped())  # the journal has told why
        if not isinstance(call, SinkCall):
            raise error
        if isinstance(call, ApplyPart) and isinstance(error, PartRefusedError):
            self._delays.pop(call, None)
            return [BeginVoid(call.part, str(error)[:REASON_CHARS], self._set_aside_limit)]
        return self._later(call, now)

    # Beginning and ending

    def _resume(self, progress: Progress, mark: Mark, now: float) -> list[Effect]:
        try:
            check_mark(progress.position, mark)
        except JournalMismatchError as error:
            return self._end(Stopped(fatal=str(error)))
        if progress.has_unapplied:
            self._backlog.add(0, now)
        if progress.open_flush is None:
            return self._expire()
        return self._enter(progress.open_flush, now)

    def _end(self, stopped: Stopped) -> list[Effect]:
        self._state = State.ENDED
        self._retry_at.clear()
        return [stopped]

    def _later(self, call: SinkCall, now: float) -> list[Effect]:
        """Try a call of the sink again, after a while."""
        if self._finishing:
            return self._end(Stopped(left_open=True))
        self._retry_at[call] = now + next(self._delays.setdefault(call, self._new_delays()))
        return []

    # From one flush to the next

    def _expire(self) -> list[Effect]:
        self._state = State.EXPIRING
        return [FindExpirable(self._expired_at_a_time)]

    def _wait(self, now: float) -> list[Effect]:
        self._state = State.WAITING
        due = self._backlog.due_at()
        if not self._finishing and (due is None or due > now):
            return []
        self._backlog.cut()
        self._state = State.CUTTING
        return [CutFlush()]

    def _cut(self, number: int | None, now: float) -> list[Effect]:
        if number is not None:
            return self._enter(OpenFlush(number, undone=(), planned=False), now)
        return self._end(Stopped()) if self._finishing else self._wait(now)

    def _enter(self, found: OpenFlush, now: float) -> list[Effect]:
        self._state = State.FLUSHING
        self._flush = self._parts(found)
        self._begun = now
        return self._advance(self._flush.next(), now)

    def _advance(self, calls: Sequence[Call], now: float) -> list[Effect]:
        if not self._flush.complete:
            return [*calls]
        return [Completed(self._flush.number, now - self._begun), *self._expire()]

    def _parts(self, found: OpenFlush) -> FlushParts:
        return FlushParts(found, self._part_limits, self._parts_in_flight)

    def _stuck(self, part: Part, now: float) -> list[Effect]:
        call = ApplyPart(part)
        self._delays[call] = self._stuck_delays
        return [Stuck(), *self._later(call, now)]
