"""One client stream at a gateway: carries out what the real stream decides."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from newstally_gateway.core.clients.batches import Batch, Opened, fold
from newstally_gateway.core.clients.effects import (
    Collided,
    Discard,
    Effect,
    End,
    FindUpload,
    MakeRoom,
    Record,
    Release,
    Tell,
    TellDraining,
)
from newstally_gateway.core.clients.intake import Incoming
from newstally_gateway.core.clients.states import State
from newstally_gateway.core.clients.statuses import Reason
from newstally_gateway.core.clients.statuses import Status as EndStatus
from newstally_gateway.core.outcomes import Outcome, Refused
from newstally_gateway.core.tasks import Task
from newstally_persister.values.uploads import Upload as StoredUpload
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from newstally_protos.v1.upload_pb2 import Upload
from simulation.corpus import MAX_CONTENT_BYTES, Sample
from simulation.kernel import Life
from simulation.network import Call, Network, Status, Stream
from simulation.scenario import RECORD_DEADLINE
from simulation.watch import WatchedShare

if TYPE_CHECKING:
    from simulation.gateway import Gateway

UNREAD_EVENTS = 3
"""A client that does not read what it is told holds up its own stream."""


class Session:
    """Reads the input, as far as the machine reads; carries out what it wants to be done."""

    def __init__(
        self, gateway: "Gateway", key: int, stream: Stream, samples: Sequence[Sample]
    ) -> None:
        """`samples`: what the client sends, for the oracle."""
        self.gateway = gateway
        self.key = key
        self.life = Life(gateway.life)
        self.memory = WatchedShare(self, self._granted)
        self.machine = gateway.machines.stream(
            key, self.memory, gateway.limits, MAX_CONTENT_BYTES, gateway.counters
        )
        self.watch = gateway.machines.watch(self, samples)
        self._kernel = gateway.kernel
        self._stream = stream
        self._input = stream.accept(self)
        stream.down.room = self._room
        self._inbox: deque[Incoming | None] = deque()
        self._reading = self._carrying = False
        self._due = float("inf")
        self._kernel.after(0, self.life, self._begin)

    @property
    def where(self) -> dict[str, str]:
        """The upload it adds to; empty while it is not known."""
        return {"upload_id": self.machine.upload_id}

    # What the client does

    def received(self, message: Incoming) -> None:
        """Take a message into the stream's buffer."""
        self._inbox.append(message)
        self._read()

    def ended(self, status: Status | None) -> None:
        """Note that nothing more comes: the client finished, or is gone. It looks alike.

        If it is gone, the stream is cancelled, sooner or later.
        """
        self._inbox.append(None)
        if status is not None:
            delay = self._kernel.random.choice((0.0, 0.01, 1.0))
            self._kernel.after(delay, self.life, self.close)
        self._read()

    def cut(self) -> None:
        """Let the client hear that the gateway is gone."""
        self._stream.cut()

    # What the gateway does

    def drain(self) -> None:
        """Go away as soon as what was admitted is settled."""
        self.do(self.machine.drain)

    def make_room(self) -> None:
        """Leave to somebody who has something to send."""
        self.do(self.machine.make_room)

    def give_up(self) -> None:
        """Settle no more."""
        self.watch.given_up = True
        self.do(self.machine.give_up)

    def close(self) -> None:
        """Forget the stream: it is cancelled, or at its end."""
        if self.life.alive:
            self.machine.forget()
            self.life.end()
            self.gateway.closed(self)

    # What dispatching does

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        if isinstance(outcome, Refused):
            self.watch.refused.add(offset)
        self.machine.ready(offset, outcome, now)

    def poke(self, _now: float) -> None:
        """Look at what has become ready."""
        self.do(self.machine.wake)

    # Events

    def do(self, event: Callable[..., None], *args: object) -> None:
        """Let the machine decide what an event means; carry it out."""
        event(*args, self._kernel.now)
        self.watch.acted()
        self._carry()

    def _begin(self) -> None:
        self.do(self.machine.begin)
        self._read()

    def _read(self) -> None:
        if self._reading or self.machine.state is State.NEW:
            return
        self._reading = True
        while self._inbox and self.machine.reads:
            message = self._inbox.popleft()
            if message is None:
                self.watch.input_over = True
                self.do(self.machine.input_ended)
            else:
                self._input.taken()
                self.watch.heard(message)
                self.do(self.machine.received, message)
        self._reading = False

    def _granted(self) -> None:
        self.watch.granted()
        self.do(self.machine.granted)

    def _room(self) -> None:
        if self._stream.down.unread < UNREAD_EVENTS:
            self.do(self.machine.told)

    def _tick(self, due: float) -> None:
        if self._due == due:
            self._due = float("inf")
        self.do(self.machine.wake)

    # Effects

    def _carry(self) -> None:
        if self._carrying:
            return
        self._carrying = True
        while self.machine.effects:
            self.carry_out(self.machine.effects.popleft())
        self._carrying = False
        if not self.life.alive:
            return
        self._read()
        due = self.machine.wakes_at(self._kernel.now)
        if due is not None and due < self._due:
            self._due = due
            self._kernel.at(due, self.life, self._tick, due)

    def carry_out(self, effect: Effect) -> None:  # noqa: C901 - one line for each effect
        """Do what the machine wants to be done."""
        match effect:
            case Task():
                self.gateway.add(effect)
            case Release(charge):
                self.memory.release(charge)
            case Record(batch):
                self._record(batch)
            case Tell():
                self._tell(effect)
            case Discard(below):
                self._kernel.saw("an article is settled elsewhere before its outcome is known")
                self.gateway.discard(self.key, below)
            case FindUpload(upload_id):
                handler = self.gateway.persister.open_handler
                Call(*self._network, handler, upload_id, self._found, RECORD_DEADLINE)
            case TellDraining():
                self._stream.down.send(effect)
            case MakeRoom():
                self.gateway.make_room()
            case Collided():
                self._kernel.saw("a batch is cut anew")
            case End(status):
                self._end(status)

    def _end(self, status: EndStatus | None) -> None:
        self.watch.ended(status)
        if status is not None:
            self._kernel.saw(f"a stream ends: {status.reason.name}")
        self._stream.down.close(None if status is None else _status(status))
        self.close()

    @property
    def _network(self) -> tuple[Network, Life]:
        return self.gateway.network, self.life

    def _found(self, answer: tuple[StoredUpload, Opened] | Status) -> None:
        if isinstance(answer, Status):
            self.do(self.machine.refuse, EndStatus(Reason.PERSISTER, answer.value))
        else:
            upload, opened = answer
            self.do(self.machine.found, _upload(upload), opened)

    def _tell(self, news: Tell) -> None:
        self.watch.told(news)
        self._stream.down.send(news)
        if self._stream.down.unread < UNREAD_EVENTS:
            self.do(self.machine.told)
        else:
            self._kernel.saw("a client reads too slowly")

    def _record(self, batch: Batch) -> None:
        self._kernel.note(
            "%s/%s records %s-%s", self.gateway.name, self.key, batch.first_offset, batch.end_offset
        )
        self._send(batch, fold(batch, *self.machine.opened))

    def _send(self, batch: Batch, request: RecordBatchRequest) -> None:
        """Send the batch, as it is, for as long as it takes."""

        def answered(answer: StoredUpload | Status) -> None:
            if isinstance(answer, Status):
                self._retry(batch, request, answer)
            else:
                self.watch.answered(batch, answer.next_offset)
                self.do(self.machine.recorded, _upload(answer))

        handler = self.gateway.persister.record_handler
        Call(*self._network, handler, request, answered, RECORD_DEADLINE)

    def _retry(self, batch: Batch, request: RecordBatchRequest, failure: Status) -> None:
        random = self._kernel.random
        full = failure is Status.RESOURCE_EXHAUSTED
        asked = random.uniform(0, 0.5) if full else None
        wait = self.gateway.machines.wait_seconds(failure.name, asked, random.uniform(0.05, 0.5))
        self.watch.fenced = failure is Status.FAILED_PRECONDITION
        if wait is None:
            self.do(self.machine.not_recorded, EndStatus(Reason.PERSISTER, failure.value))
        else:
            self._kernel.after(wait, self.life, self._send, batch, request)


def _upload(stored: StoredUpload) -> Upload:
    return Upload(upload_id=stored.upload_id, next_offset=stored.next_offset)


def _status(status: EndStatus) -> Status:
    if status.reason is Reason.PERSISTER:
        return Status(status.message)
    return _STATUSES[status.reason]


_STATUSES = {
    Reason.DRAINING: Status.UNAVAILABLE,
    Reason.CROWDED: Status.RESOURCE_EXHAUSTED,
    Reason.IDLE: Status.UNAVAILABLE,
    Reason.SILENT: Status.UNAVAILABLE,
    Reason.GAP: Status.OUT_OF_RANGE,
    Reason.INVALID: Status.INVALID_ARGUMENT,
}
"""What else there is must not happen."""
