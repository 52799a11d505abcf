"""Moves tallies from the journal to the sink. A step is an event: each can be the last."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from newstally_persister.flushing.marks import check_mark
from newstally_persister.sinks.base import Mark
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry
from simulation.network import Call, Handler, Status
from simulation.scenario import FLUSH_SECONDS

if TYPE_CHECKING:
    from simulation.persister import Persister

SINK_DEADLINE = 4.0
"""Seconds per try; above the longest latency."""
PARTS_IN_FLIGHT = 2
RECEIPTS_AT_A_TIME = 2


class Flusher:
    """The flusher of one process of the persister; the order of calls is the real one's."""

    def __init__(self, persister: "Persister") -> None:
        self._persister = persister
        self._kernel = persister.kernel
        self._store = persister.store
        self._sink = persister.world.sink
        limits = persister.world.scenario.part_rows
        self._limits = PartLimits(rows=limits, size_bytes=1_000_000)
        self._in_flight: set[int] = set()
        self._ask_mark()

    def _soon(self, action: Callable[..., None], *args: object, delay: float = 0.02) -> None:
        pause = self._kernel.random.uniform(0, delay)
        self._kernel.after(pause, self._persister.life, self._persister.run, action, *args)

    def _call(
        self, handler: Handler, request: object, answered: Callable[..., None], *args: object
    ) -> None:
        """Call the sink until it answers."""

        def finish(answer: Any) -> None:
            if isinstance(answer, Status):
                self._soon(self._call, handler, request, answered, *args, delay=0.5)
            else:
                self._soon(answered, answer, *args)

        network, life = self._persister.world.network, self._persister.life
        Call(network, life, lambda: handler, request, finish, SINK_DEADLINE)

    # Beginning

    def _ask_mark(self) -> None:
        self._call(self._sink.mark, self._store.position().journal_id, self._check_mark)

    def _check_mark(self, mark: Mark) -> None:
        check_mark(self._store.position(), mark)
        self._resume()

    def _resume(self) -> None:
        found = self._store.open_flush()
        if found is None:
            self._expire()
        else:
            self._kernel.saw("a flush is taken up again after a crash")
            self._advance(found.flush)

    # One flush

    def _tick(self) -> None:
        number = self._store.cut() if self._store.has_unapplied() else None
        if number is None:
            self._soon(self._tick, delay=FLUSH_SECONDS)
        else:
            self._kernel.note("flush %s is cut", number)
            self._soon(self._advance, number)

    def _advance(self, flush: int) -> None:
        """Send what can be sent now: the first part alone, then several at a time."""
        found = self._store.open_flush()
        if found is None or found.flush != flush:
            return
        alone = self._store.position().first_part_undone
        if len(self._in_flight) >= (1 if alone else PARTS_IN_FLIGHT):
            return
        waiting = [number for number in found.undone if number not in self._in_flight]
        part: Part | None
        if waiting:
            part = self._store.read_part(flush, waiting[0])
        else:
            part = self._store.plan_part(flush, self._limits)
        if part is not None:
            self._in_flight.add(part.number)
            self._soon(self._send, part)
            self._soon(self._advance, flush)

    def _send(self, part: Part) -> None:
        self._call(self._sink.apply, part, self._applied, part)

    def _applied(self, _: bool, part: Part) -> None:
        self._in_flight.discard(part.number)
        if self._store.part_done(part.flush, part.number):
            self._kernel.note("flush %s is complete", part.flush)
            self._persister.completed()
            self._soon(self._expire)
        else:
            self._soon(self._advance, part.flush)

    # Afterwards

    def _expire(self) -> None:
        expiry = self._store.expirable(RECEIPTS_AT_A_TIME)
        if expiry is None:
            self._soon(self._tick, delay=FLUSH_SECONDS)
        else:
            self._call(self._sink.expire, expiry, self._expired, expiry)

    def _expired(self, _: None, expiry: Expiry) -> None:
        self._store.forget(expiry)
        self._soon(self._expire)
