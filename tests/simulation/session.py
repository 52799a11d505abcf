"""One client stream at a gateway: the order of calls of the real session, without its tasks."""

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from newstally_gateway.core.clients.admission import BASE_CHARGE_BYTES, charge_bytes
from newstally_gateway.core.clients.batches import fold
from newstally_gateway.core.clients.ledger import Ledger
from newstally_gateway.core.clients.numbering import GapError, Numbering
from newstally_gateway.core.outcomes import Outcome, refuse_flawed
from newstally_gateway.core.tasks import Task
from newstally_gateway.core.validation import Accepted, Flaw, validate
from newstally_persister.values.uploads import Upload
from newstally_protos.v1.article_pb2 import Article
from simulation.corpus import MAX_CONTENT_BYTES
from simulation.kernel import Life
from simulation.network import Call, Status, Stream
from simulation.scenario import LARGEST_CHARGE, RECORD_DEADLINE

if TYPE_CHECKING:
    from simulation.gateway import Gateway


UNREAD_PROGRESS = 3
"""A client that does not read what it is told holds up its own stream."""


class Message(NamedTuple):
    """What a client sends."""

    offset: int | None
    article: Article | None


class Progress(NamedTuple):
    """What a client is told: so many are settled."""

    next_offset: int


class _Arrival(NamedTuple):
    """An article that waits for memory."""

    offset: int
    verdict: Accepted | Flaw
    charge: int


class Session:
    """Reads, admits, settles and tells, until all that was admitted is settled."""

    def __init__(self, gateway: "Gateway", key: int, upload_id: str, stream: Stream) -> None:
        self.gateway = gateway
        self.key = key
        self.upload_id = upload_id
        self.life = Life(gateway.life)
        self.ledger: Ledger | None = None
        self.held = 0
        """What it was charged and has not given back, by its own account."""
        self.arrival: _Arrival | None = None
        self.is_granted = False
        """Whether the arrival's memory is there, and the session has not noticed."""
        self._kernel = gateway.kernel
        self._stream = stream
        self._input = stream.accept(self)
        stream.down.room = self.settle
        self._numbering = Numbering(0, named=True)
        self._inbox: deque[Message] = deque()
        self._opening = False
        self._input_ended = False
        self._refusal: Status | None = None
        self._recording = False
        self._due = float("inf")

    # What the client does

    def received(self, message: Message) -> None:
        """Take a message into the stream's buffer; a refused one is read away."""
        if self._refusal is None:
            self._inbox.append(message)
            self.read()
        else:
            self._input.taken()

    def ended(self, status: Status | None) -> None:
        """Note that nothing more comes: the client finished, or is gone. It looks alike.

        If it is gone, the stream is cancelled, sooner or later.
        """
        self._input_ended = True
        if status is not None:
            delay = self._kernel.random.choice((0.0, 0.01, 1.0))
            self._kernel.after(delay, self.life, self.close)
        self.read()

    def refuse(self, status: Status) -> None:
        """Read no more; settle what was admitted; end with the status."""
        self._refusal = self._refusal or status
        self._inbox.clear()
        self.settle()

    def close(self) -> None:
        """Forget the stream: it is cancelled, or at its end."""
        if self.life.alive:
            self.life.end()
            self.gateway.closed(self)

    def cut(self) -> None:
        """Let the client hear that the gateway is gone."""
        self._stream.cut()

    # Reading

    def read(self) -> None:
        """Number, validate and admit what waits, as far as there is memory."""
        while self._inbox and self.arrival is None and not self._opening:
            if self.ledger is None:
                self._open()
                return
            message = self._inbox.popleft()
            self._input.taken()
            self._take(message, self.ledger)
        self.settle()

    def _open(self) -> None:
        self._opening = True
        self.gateway.get_upload(self, self._opened)

    def _opened(self, answer: Upload | Status) -> None:
        self._opening = False
        if isinstance(answer, Status):
            self.refuse(answer)
            return
        self._numbering = Numbering(answer.next_offset, named=True)
        self.ledger = self.gateway.machines.ledger(answer.next_offset, self.gateway.limits)
        self._tell(answer.next_offset)
        self.read()

    def _take(self, message: Message, ledger: Ledger) -> None:
        try:
            placed = self._numbering.place(message.offset)
        except GapError:
            self._kernel.saw("a client leaves a gap")
            self.refuse(Status.OUT_OF_RANGE)
            return
        if not placed.fresh:
            return
        verdict = validate(message.article, MAX_CONTENT_BYTES)
        if isinstance(verdict, Accepted):
            charge = self.charge(verdict.size_bytes)
        else:
            charge = BASE_CHARGE_BYTES
        self.arrival = _Arrival(placed.offset, verdict, charge)
        if self.gateway.admission.admit(self.key, charge):
            self.granted()
            self.admitted()
        else:
            self._kernel.saw("an article waits for memory")

    def charge(self, content_bytes: int) -> int:
        """Return what an article is charged."""
        return charge_bytes(content_bytes)

    def granted(self) -> None:
        """Note that the arrival's memory is there."""
        assert self.arrival is not None
        self.is_granted = True
        self.held += self.arrival.charge
        if self.held > LARGEST_CHARGE:
            self.gateway.check_promise()

    def go_on(self) -> None:
        """Go on reading: memory that was waited for is there."""
        if self.arrival is not None:
            self.admitted()
            self.read()

    def admitted(self) -> None:
        """Let the arrival in: its charge was granted."""
        arrival, ledger = self.arrival, self.ledger
        assert arrival is not None
        assert ledger is not None
        self.arrival = None
        self.is_granted = False
        offset, verdict, charge = arrival
        if not ledger.admit(offset, charge):
            self._kernel.saw("an article is settled elsewhere while it waits for memory")
            self.held -= charge
            self.gateway.release(self.key, charge)
            return
        if isinstance(verdict, Flaw):
            ledger.ready(offset, refuse_flawed(offset, "", verdict), self._kernel.now)
        else:
            self.gateway.add(
                Task(
                    stream=self.key,
                    offset=offset,
                    publication=verdict.publication,
                    article_id=verdict.article_id,
                    content=verdict.content,
                    size_bytes=verdict.size_bytes,
                )
            )

    # Settling

    def ready(self, offset: int, outcome: Outcome) -> None:
        """Take the outcome of an article."""
        assert self.ledger is not None
        self.ledger.ready(offset, outcome, self._kernel.now)

    @property
    def awaited(self) -> int:
        """How many outcomes it waits for."""
        return 0 if self.ledger is None else self.ledger.awaited

    @property
    def waits_inside_guarantee(self) -> int:
        """What it waits for, if that is guaranteed to it."""
        if self.arrival is None or self.is_granted:
            return 0
        charge = self.arrival.charge
        return charge if self.held + charge <= LARGEST_CHARGE else 0

    def settle(self) -> None:
        """Have what is due recorded; end when nothing is left to do."""
        if self._recording or self._opening or not self.life.alive:
            return
        complete = self._is_complete()
        if self._stream.down.unread >= UNREAD_PROGRESS:
            self._kernel.saw("a client reads too slowly")
        elif self.ledger is not None:
            batch = self.ledger.frozen or self.ledger.freeze(self._kernel.now, flush=complete)
            if batch is not None:
                self._record()
                return
            due = self.ledger.due(self._kernel.now)
            if due is not None and due < self._due:
                self._due = due
                self._kernel.at(due, self.life, self._tick, due)
        if complete and (self.ledger is None or self.ledger.unsettled == 0):
            self._stream.down.close(self._refusal)
            self.close()

    def _is_complete(self) -> bool:
        read = self._input_ended and not self._inbox and self.arrival is None
        ended = read or self._refusal is not None
        return ended and (self.ledger is None or self.ledger.awaited == 0)

    def _tick(self, due: float) -> None:
        if self._due == due:
            self._due = float("inf")
        self.settle()

    def _record(self) -> None:
        """Send the frozen batch, as it is, for as long as it takes."""
        assert self.ledger is not None
        batch = self.ledger.frozen
        assert batch is not None
        request = fold(batch, self.upload_id)
        self._kernel.note(
            "%s/%s records %s-%s", self.gateway.name, self.key, batch.first_offset, batch.end_offset
        )
        self._recording = True
        Call(
            self.gateway.network,
            self.life,
            self.gateway.persister.record_handler,
            request,
            self._recorded,
            RECORD_DEADLINE,
        )

    def _recorded(self, answer: Upload | Status) -> None:
        if isinstance(answer, Status):
            pause = self._kernel.random.uniform(0.05, 0.5)
            self._kernel.after(pause, self.life, self._record)
        else:
            self._recording = False
            self.answered(answer.next_offset)

    def answered(self, next_offset: int) -> None:
        """Take the journal's answer to the frozen batch."""
        ledger = self.ledger
        assert ledger is not None
        batch = ledger.frozen
        assert batch is not None
        if batch.first_offset < next_offset < batch.end_offset:
            self._kernel.saw("a batch is cut anew")
        answer = ledger.answered(next_offset)
        self._numbering.settled(next_offset)
        self.held -= answer.released_bytes
        self.gateway.release(self.key, answer.released_bytes)
        if answer.overtaken:
            self._kernel.saw("an article is settled elsewhere before its outcome is known")
            self.gateway.discard(self.key, next_offset)
        self._tell(next_offset)
        self.settle()

    def _tell(self, next_offset: int) -> None:
        self._stream.down.send(Progress(next_offset))
