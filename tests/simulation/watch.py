"""What the oracle knows of one client stream, by its own account."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from newstally_gateway.core.clients.admission import Share
from newstally_gateway.core.clients.batches import Batch
from newstally_gateway.core.clients.effects import Tell
from newstally_gateway.core.clients.intake import Incoming, size_bytes
from newstally_gateway.core.clients.ledger import Ledger
from newstally_gateway.core.clients.quieting import (
    DROPPED_LIMIT_BYTES,
    QUIET_SECONDS,
    WRITING_SECONDS,
)
from newstally_gateway.core.clients.states import State
from newstally_gateway.core.clients.statuses import Status
from simulation.corpus import Sample
from simulation.oracle import check
from simulation.scenario import LARGEST_CHARGE

if TYPE_CHECKING:
    from simulation.session import Session


class Watch:
    """Checks what a stream holds, tells and leaves behind."""

    def __init__(self, session: "Session", samples: Sequence[Sample]) -> None:
        self.given_up = False
        self.fenced = False
        """A later stream has taken its upload over."""
        self.refused: set[int] = set()
        """Articles that a replica, or the dispatcher, had refused."""
        self._session = session
        self._samples = samples
        self.input_over = False
        self.has_memory = False
        self._heard_at = 0.0
        self._refused_at: float | None = None
        self._dropped_bytes = 0
        self._expected: list[int] = []

    @property
    def ledger(self) -> Ledger | None:
        """What it admitted; None until its upload is known."""
        settling = self._session.machine.settling
        return None if settling is None else settling.ledger

    @property
    def held_bytes(self) -> int:
        """What it should be charged."""
        ledger = self.ledger
        if ledger is None:
            return 0
        return sum(map(self.charge_of, self._samples[ledger.next_offset : ledger.end_offset]))

    @property
    def awaited(self) -> int:
        """How many outcomes it waits for."""
        return 0 if self.ledger is None else self.ledger.awaited

    @property
    def waits_inside_guarantee(self) -> int:
        """What it waits for, if that is guaranteed to it."""
        arrival = self._session.machine._arrival
        if arrival is None:
            return 0
        return arrival.charge if self.held_bytes + arrival.charge <= LARGEST_CHARGE else 0

    def charge_of(self, sample: Sample) -> int:
        """Return what an article is to be charged."""
        return sample.charge_bytes

    def heard(self, message: Incoming) -> None:
        """See a message be read."""
        self._heard_at = self._session.gateway.kernel.now
        if self._refused_at is not None:
            self._dropped_bytes += size_bytes(message)

    def acted(self) -> None:
        """See the machine after an event."""
        if self._refused_at is None and self._session.machine.status is not None:
            self._refused_at = self._session.gateway.kernel.now

    def charged(self, charge: int) -> None:
        """See memory be granted: every open stream must still get its guarantee."""
        gateway = self._session.gateway
        if self.held_bytes + charge <= LARGEST_CHARGE:
            return
        promised = charge
        for session in gateway.sessions.values():
            if session.watch.has_memory:
                held = session.watch.held_bytes
                promised += held if session is self._session else max(held, LARGEST_CHARGE)
        total = gateway.settings.admission_bytes
        check(promised <= total, "%s promises %s of %s bytes", gateway.name, promised, total)

    def granted(self) -> None:
        """See memory be granted that was waited for."""
        kernel, machine, ledger = self._session.gateway.kernel, self._session.machine, self.ledger
        kernel.saw("an article waits for memory")
        assert ledger is not None
        assert machine._arrival is not None
        if machine.state is not State.WAITING:
            kernel.saw("a stream is refused while an article waits for memory")
        elif machine._arrival.offset < ledger.next_offset:
            kernel.saw("an article is settled elsewhere while it waits for memory")
        else:
            self.charged(machine._arrival.charge)

    def answered(self, batch: Batch, next_offset: int) -> None:
        """See the journal's answer to a batch; note which refusals have to be told."""
        ledger = self.ledger
        assert ledger is not None
        if self._session.machine.state in (State.QUIETING, State.ENDED):
            return
        check(ledger.frozen is batch, "a batch was changed while it was recorded")
        leaving = range(ledger.next_offset, min(next_offset, ledger.end_offset))
        self._expected = [o for o in leaving if self._samples[o].is_flawed or o in self.refused]

    def told(self, news: Tell) -> None:
        """See what the client is told."""
        told = [refusal.offset for refusal in news.refusals]
        check(told == self._expected, "refusals of %s are told, not of %s", told, self._expected)
        self._expected = []

    def ended(self, status: Status | None) -> None:
        """See it end: all is settled, and its client is not writing, unless it does so for long."""
        ledger, now = self.ledger, self._session.gateway.kernel.now
        left = 0 if ledger is None else ledger.unsettled
        settled = left == 0 or self.given_up or self.fenced
        check(settled, "a stream ends with %s articles unsettled", left)
        if status is None or self.input_over or self.given_up:
            return
        assert self._refused_at is not None
        check(
            now >= self._heard_at + QUIET_SECONDS
            or now >= self._refused_at + WRITING_SECONDS
            or self._dropped_bytes >= DROPPED_LIMIT_BYTES,
            "a stream ends while its client writes",
        )


class WatchedShare(Share):
    """A stream's real share of the memory, watched."""

    def __init__(self, session: "Session", granted: Callable[[], None]) -> None:
        super().__init__(session.gateway.memory, session.key, granted)
        self._session = session

    def open(self) -> bool:
        self._session.watch.has_memory = super().open()
        return self._session.watch.has_memory

    def charge(self, charge: int) -> bool:
        granted = super().charge(charge)
        if granted:
            self._session.watch.charged(charge)
        return granted
