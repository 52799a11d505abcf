"""Carries out what the real flusher decides. Each step is an event: it can be the last."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.flushing.calls import (
    ApplyPart,
    AskMark,
    Call,
    ExpireReceipts,
    JournalCall,
    SinkCall,
    VoidPart,
)
from newstally_persister.flushing.machine import Completed, Effect, Stopped, Stuck
from newstally_persister.sinks.base import SinkError
from newstally_persister.values.parts import PartLimits
from newstally_persister.values.voids import Voided
from simulation import network
from simulation.kernel import ViolationError
from simulation.network import Handler, Status
from simulation.scenario import FLUSH_SECONDS

if TYPE_CHECKING:
    from simulation.persister import Persister

SINK_DEADLINE = 4.0
"""Seconds per try; above the longest latency."""
RECEIPTS_AT_A_TIME = 2


class Flusher:
    """The flusher of one process of the persister, with settings that the last one may not have."""

    def __init__(self, persister: "Persister") -> None:
        self._persister = persister
        self._kernel = persister.kernel
        self._sink = persister.world.sink
        random = self._kernel.random
        rows = random.choice((1, 3, persister.world.scenario.part_rows))
        self._machine = persister.world.machines.flusher(
            FlushLimits(
                age_seconds=random.choice((0.1, 1, 2)) * FLUSH_SECONDS,
                window_seconds=random.choice((0, 3 * FLUSH_SECONDS)),
                rows=random.choice((10, 1_000)),
                trickle_rows=5,
            ),
            PartLimits(rows=rows, size_bytes=1_000_000),
            random.choice((1, 2, 2, 4)),
            self._delays,
            RECEIPTS_AT_A_TIME,
            random.choice((1, 2, 100)),
        )
        self._begun_before: frozenset[int] = frozenset()
        self._armed = float("inf")
        self._carry_out(self._machine.begin())

    def recorded(self, rows: int) -> None:
        """Note a batch that was recorded."""
        self._machine.recorded(rows, self._kernel.now)
        self._arm()

    def finish(self) -> None:
        """Flush what there is; then the process ends."""
        self._carry_out(self._machine.finish(self._kernel.now))

    def _delays(self) -> Iterator[float]:
        while True:
            yield self._kernel.random.uniform(0, 0.5)

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Completed(flush=flush):
                    self._kernel.note("flush %s is complete", flush)
                    self._persister.completed()
                case Stopped(fatal=str(reason)):
                    raise ViolationError(reason)
                case Stopped(left_open=left_open):
                    self._kernel.saw("a flush is left open" if left_open else "all is flushed")
                    self._soon(self._persister.die)
                case Stuck():
                    self._kernel.saw("a row cannot be set aside")
                case AskMark() | ApplyPart() | VoidPart() | ExpireReceipts():
                    self._soon(self._ask, effect)
                case _:
                    self._soon(self._work, effect)
        self._arm()

    def _arm(self) -> None:
        at = self._machine.wake_at()
        if at is not None and at < self._armed:
            self._armed = at
            self._kernel.at(at, self._persister.life, self._wake)

    def _wake(self) -> None:
        self._armed = float("inf")
        self._carry_out(self._machine.woken(self._kernel.now))

    def _soon(self, action: Callable[..., None], *args: object) -> None:
        pause = self._kernel.random.uniform(0, 0.02)
        self._kernel.after(pause, self._persister.life, self._persister.run, action, *args)

    def _work(self, call: JournalCall) -> None:
        """Ask the journal; the process may die of it."""
        answer = self._persister.store.run(call)
        self._kernel.note("%s: %s", type(call).__name__, type(answer).__name__)
        if isinstance(answer, Voided):
            self._kernel.saw("a row is set aside" if answer.set_aside else "a part is voided")
        self._answered(call, answer)

    def _ask(self, call: SinkCall) -> None:
        """Ask the sink, once."""

        def finish(answer: Any) -> None:
            if isinstance(answer, Status):
                answer = SinkError(answer.value)
            if isinstance(answer, SinkError):
                self._carry_out(self._machine.failed(call, answer, self._kernel.now))
            elif isinstance(call, VoidPart) and not fair() and self._kernel.chance(0.1):
                self._persister.die()  # between the tombstone and what the journal makes of it
            else:
                self._answered(call, answer)

        def fair() -> bool:
            return self._persister.world.network.fair

        handler, request = self._handler(call)
        world = self._persister.world
        network.Call(
            world.network, self._persister.life, lambda: handler, request, finish, SINK_DEADLINE
        )

    def _handler(self, call: SinkCall) -> tuple[Handler, object]:
        match call:
            case AskMark(progress):
                if progress.open_flush is not None:
                    self._kernel.saw("a flush is taken up again after a crash")
                    self._begun_before = progress.open_flush.voiding
                return self._sink.mark, progress.position.journal_id
            case ApplyPart(part):
                return self._sink.apply, part
            case VoidPart(part):
                if part.number in self._begun_before:
                    self._kernel.saw("a void is taken up again after a crash")
                return self._sink.void, part
            case ExpireReceipts(expiry):
                return self._sink.expire, expiry

    def _answered(self, call: Call, answer: object) -> None:
        self._carry_out(self._machine.answered(call, answer, self._kernel.now))
