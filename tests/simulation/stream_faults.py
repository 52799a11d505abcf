"""Faults, planted in what decides about client streams."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from newstally_gateway.core.clients.admission import BASE_CHARGE_BYTES, Memory
from newstally_gateway.core.clients.batches import Batch, Opened, wait_seconds
from newstally_gateway.core.clients.effects import (
    Collided,
    Discard,
    Effect,
    Record,
    Release,
    Tell,
)
from newstally_gateway.core.clients.intake import Arrival, Incoming, Intake
from newstally_gateway.core.clients.ledger import Ledger
from newstally_gateway.core.clients.numbering import Numbering
from newstally_gateway.core.clients.settling import Settling
from newstally_gateway.core.clients.states import State
from newstally_gateway.core.clients.stream import Stream
from newstally_gateway.core.outcomes import Counted, Outcome
from newstally_gateway.core.tasks import StreamKey
from newstally_gateway.core.validation import Accepted
from newstally_protos.v1.upload_pb2 import Upload
from simulation import network
from simulation.corpus import Sample
from simulation.gateway import Gateway
from simulation.session import Session
from simulation.watch import Watch
from simulation.world import Machines

E = TypeVar("E")


class _Planted(Stream):
    """A stream whose parts can be replaced."""

    def _make(self, upload: Upload, now: float, *, named: bool) -> tuple[Intake, Settling]:
        intake, settling = super()._make(upload, now, named=named)
        return self.plant_intake(intake), self.plant_settling(settling)

    def plant_intake(self, intake: Intake) -> Intake:
        return intake

    def plant_settling(self, settling: Settling) -> Settling:
        return settling


class NumbersOnlyWhatItReads(_Planted):
    """Does not tell the numbering what was settled."""

    def plant_settling(self, settling: Settling) -> Settling:
        settling._numbering = Numbering(0, named=True)
        return settling


class KeepsMemoryAfterCollisions(Stream):
    """Does not give back what was settled by another gateway."""

    def recorded(self, upload: Upload, now: float) -> None:
        super().recorded(upload, now)
        if any(isinstance(effect, Collided) for effect in self.effects):
            _drop(self.effects, Release)


class LosesRefusals(Stream):
    """Does not tell what was refused when another gateway was ahead."""

    def recorded(self, upload: Upload, now: float) -> None:
        super().recorded(upload, now)
        if any(isinstance(effect, Collided) for effect in self.effects):
            news = _drop(self.effects, Tell)
            self.effects += [Tell((), tell.upload, tell.settled) for tell in news]


class KeepsOvertakenTasks(Stream):
    """Lets replicas go on with what was settled elsewhere."""

    def recorded(self, upload: Upload, now: float) -> None:
        super().recorded(upload, now)
        _drop(self.effects, Discard)


class EndsWhileRecording(_Planted):
    """Ends before the last batch is answered."""

    def plant_settling(self, settling: Settling) -> Settling:
        numbering = settling._numbering
        return _EndsWhileRecording(settling.ledger, numbering, self.effects, settling.settled_at)


class _EndsWhileRecording(Settling):
    def go_on(self, now: float, *, complete: bool) -> bool:
        done = super().go_on(now, complete=complete)
        return done or (complete and self.ledger.awaited == 0)


class TellsBeforeTheAnswer(Stream):
    """Tells the client of progress when a batch is sent, not when it is recorded."""

    def wake(self, now: float) -> None:
        super().wake(now)
        for record in [effect for effect in self.effects if isinstance(effect, Record)]:
            upload = Upload(upload_id=self.upload_id, next_offset=record.batch.end_offset)
            self.effects.append(Tell((), upload, 0))


class ChangesWhatIsRecorded(_Planted):
    """Adds outcomes to a batch that is being recorded."""

    def plant_settling(self, settling: Settling) -> Settling:
        ledger = _ChangesWhatIsRecorded(settling.ledger.next_offset, self._limits)
        settling.ledger = ledger
        return settling


class _ChangesWhatIsRecorded(Ledger):
    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        batch = self._frozen
        if batch is not None and offset == batch.end_offset and not self._prefix:
            outcomes = (*batch.outcomes, outcome)
            self._frozen = Batch(batch.first_offset, outcomes, batch.size_bytes)
        else:
            super().ready(offset, outcome, now)


class ForgetsWhenDraining(Stream):
    """Goes away at once, whatever was admitted."""

    def drain(self, now: float) -> None:
        super().drain(now)
        super().give_up(now)


class GivesBackTwice(Stream):
    """Gives the memory of an article back once more that was settled while it waited."""

    def granted(self, now: float) -> None:
        super().granted(now)
        releases = [effect for effect in self.effects if isinstance(effect, Release)]
        self.effects += releases


class KeepsGrantsOfRefused(Stream):
    """Keeps the memory that is granted to a stream after it was refused."""

    def granted(self, now: float) -> None:
        super().granted(now)
        if self.state in (State.REFUSED, State.QUIETING):
            _drop(self.effects, Release)


class DropsItsToken(Stream):
    """Records like a gateway that knows no tokens."""

    def found(self, upload: Upload, opened: Opened, now: float) -> None:
        super().found(upload, opened._replace(token=0), now)


class HangsUpOnWriters(Stream):
    """Sends the status of a refused stream while its client is writing."""

    def _leave(self, now: float, seconds: float) -> None:
        self.state = State.FINISHING
        super()._leave(now, seconds)


class StopsWhenRead(Stream):
    """Does not go on when the client may be told more."""

    def told(self, now: float) -> None:
        if self.settling is not None:
            self.settling.told()


class LosesWaiters(Memory):
    """Does not wake whoever waits when a stream is closed."""

    def close(self, stream: StreamKey) -> None:
        if self._granted.pop(stream, None) is not None:
            self.admission.close(stream)


def give_up_when_slow(code: str, asked: float | None, backoff: float) -> float | None:
    """Do not send a batch again that was not answered in time."""
    return None if code == "DEADLINE_EXCEEDED" else wait_seconds(code, asked, backoff)


class ChargesHalf(_Planted):
    """Charges an article half when it is read; its result, the other half, when it arrives."""

    def plant_intake(self, intake: Intake) -> Intake:
        half = _ChargesHalf(intake.upload_id, intake._numbering, intake._max_content_bytes)
        intake._numbering = half._numbering
        return half


class _ChargesHalf(Intake):
    def take(self, incoming: Incoming) -> Arrival | None:
        arrival = super().take(incoming)
        if arrival is None or not isinstance(arrival.verdict, Accepted):
            return arrival
        return replace(arrival, charge=arrival.verdict.size_bytes + BASE_CHARGE_BYTES // 2)


class WatchesHalf(Watch):
    """Knows of the halves."""

    def charge_of(self, sample: Sample) -> int:
        if sample.is_flawed or sample.article is None:
            return sample.charge_bytes
        return len(sample.article.content.encode()) + BASE_CHARGE_BYTES // 2

    @property
    def awaited(self) -> int:
        session = self._session
        assert isinstance(session, PaysForResults)
        return super().awaited - len(session.unpaid)


class PaysForResults(Session):
    """Takes results in as far as there is memory."""

    def __init__(
        self, gateway: Gateway, key: int, stream: network.Stream, samples: Sequence[Sample]
    ) -> None:
        super().__init__(gateway, key, stream, samples)
        self.paid: dict[int, int] = {}
        self.unpaid: deque[tuple[int, Counted]] = deque()

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        if isinstance(outcome, Counted):
            self.unpaid.append((offset, outcome))
        else:
            super().ready(offset, outcome, now)

    def poke(self, now: float) -> None:
        self._pay(now)
        super().poke(now)

    def do(self, event: Callable[..., None], *args: object) -> None:
        super().do(event, *args)
        if event == self.machine.recorded:
            settled = self.machine.settling.ledger.next_offset if self.machine.settling else 0
            self.paid = {offset: paid for offset, paid in self.paid.items() if offset >= settled}
            for session in self.gateway.sessions.values():
                kernel = self.gateway.kernel
                kernel.after(0, session.life, session.poke, kernel.now)

    def _pay(self, now: float) -> None:
        """Take results in, in the order of their arrival."""
        sessions = self.gateway.sessions.values()
        results = sum(sum(s.paid.values()) for s in sessions if isinstance(s, PaysForResults))
        used = results + self.gateway.memory.used_bytes
        while self.unpaid:
            offset, outcome = self.unpaid[0]
            charge = outcome.size_bytes + BASE_CHARGE_BYTES // 2
            if used + charge > self.gateway.settings.admission_bytes:
                return
            del self.unpaid[0]
            self.paid[offset] = charge
            used += charge
            super().ready(offset, outcome, now)


def _drop(effects: deque[Effect], kind: type[E]) -> list[E]:
    """Take the effects of a kind out."""
    dropped: list[E] = [effect for effect in effects if isinstance(effect, kind)]
    kept = [effect for effect in effects if not isinstance(effect, kind)]
    effects.clear()
    effects.extend(kept)
    return dropped


FAULTS = {
    "charges memory for results": Machines(
        session=PaysForResults, stream=ChargesHalf, watch=WatchesHalf
    ),
    "does not tell the numbering what was settled": Machines(stream=NumbersOnlyWhatItReads),
    "keeps memory after a collision": Machines(stream=KeepsMemoryAfterCollisions),
    "loses refusals when a batch is cut anew": Machines(stream=LosesRefusals),
    "goes on with what was settled elsewhere": Machines(stream=KeepsOvertakenTasks),
    "ends before the last batch is answered": Machines(stream=EndsWhileRecording),
    "tells progress before the answer": Machines(stream=TellsBeforeTheAnswer),
    "changes a batch that is being recorded": Machines(stream=ChangesWhatIsRecorded),
    "forgets what was admitted when it drains": Machines(stream=ForgetsWhenDraining),
    "gives memory back twice": Machines(stream=GivesBackTwice),
    "keeps memory that a refused stream is granted": Machines(stream=KeepsGrantsOfRefused),
    "drops the token of a stream": Machines(stream=DropsItsToken),
    "hangs up on a client that writes": Machines(stream=HangsUpOnWriters),
    "does not go on when the client has read": Machines(stream=StopsWhenRead),
    "does not wake whoever waits when a stream is closed": Machines(memory=LosesWaiters),
    "takes a slow persister for one that refuses": Machines(wait_seconds=give_up_when_slow),
}
