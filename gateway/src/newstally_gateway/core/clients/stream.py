"""One client stream, from its first message until everything admitted is settled.

Where it is: `states`. What it takes in: `intake`. What it has recorded: `settling`. How long a
refused client is heard out: `quieting`.

What holds, whatever happens:
- The client is told of progress only after the journal has answered, and of all of it before `End`.
- The stream holds memory for what it admitted and what is not settled, and for nothing else.
- After a refusal nothing more is admitted. The first refusal counts; a fault counts more.
- `End` comes once, and last. OK means that all that was admitted is settled.

Faults. A batch that the journal will never take, a journal that went backwards, running out of time
(`give_up`), a caller that may not go on (`expel`) and a bug (`fail`) end the settling: what is not
settled was not acknowledged, and its client sends it again. An answer that comes after that means
nothing.

The end of the input, the client's death and its cancel look alike (grpc/grpc#33038): what was
admitted is settled until somebody forgets the stream.

Events are methods. Effects are left in `effects`, for the caller to carry out in their order: what
they set off may be the next event of this very stream.
"""

from collections import deque
from collections.abc import Callable

from newstally_protos.v1.upload_pb2 import Upload

from newstally_gateway.core.clients.admission import Share
from newstally_gateway.core.clients.batches import Opened
from newstally_gateway.core.clients.effects import (
    Counters,
    Effect,
    End,
    FindUpload,
    MakeRoom,
    Release,
    Tell,
    TellDraining,
)
from newstally_gateway.core.clients.intake import Arrival, Incoming, Intake, name_upload, size_bytes
from newstally_gateway.core.clients.ledger import BatchLimits, Ledger, WentBackwardsError
from newstally_gateway.core.clients.numbering import Numbering
from newstally_gateway.core.clients.quieting import QUIET_SECONDS, WRITING_SECONDS, Quieting
from newstally_gateway.core.clients.settling import Settling
from newstally_gateway.core.clients.states import COMPLETE, OPEN, READS, SETTLED, State
from newstally_gateway.core.clients.statuses import InputError, Reason, Status
from newstally_gateway.core.outcomes import Outcome
from newstally_gateway.core.tasks import StreamKey
from newstally_gateway.core.validation import Flaw

FIRST_MESSAGE_SECONDS = 60.0
"""How long a stream may stay open without a first message."""


class Stream:
    """What one client stream does next. `begin` it once."""

    def __init__(
        self,
        key: StreamKey,
        memory: Share,
        limits: BatchLimits,
        max_content_bytes: int,
        counters: Counters,
        may_write: Callable[[str], bool] | None = None,
    ) -> None:
        """`key` is unique over the life of the process. `may_write`: see Intake."""
        self.effects: deque[Effect] = deque()
        """What is to be done: to be emptied after every event."""
        self.state = State.NEW
        self.status: Status | None = None
        """What it is to end with, if not with OK."""
        self.settling: Settling | None = None
        """None until the upload is known."""
        self.opened = Opened("")
        """What the batches of its upload say."""
        self._key = key
        self._memory = memory
        self._limits = limits
        self._max_content_bytes = max_content_bytes
        self._counters = counters
        self._may_write = may_write
        self._intake: Intake | None = None
        # The first message, until its upload is found; and whether it names one.
        self._first: tuple[Incoming, bool] | None = None
        # The article that waits for memory.
        self._arrival: Arrival | None = None
        self._quieting = Quieting()

    @property
    def upload_id(self) -> str:
        """The upload it adds to; empty while it is not known."""
        return "" if self._intake is None else self._intake.upload_id

    @property
    def reads(self) -> bool:
        """Whether the next message, or the end of the input, may come."""
        return self.state in READS

    @property
    def idle_since(self) -> float | None:
        """Since when nothing came and nothing was settled; None while it has something to do."""
        if self.state not in (State.SILENT, State.READING):
            return None
        if self.settling is None:
            return self._quieting.heard_at
        if self.settling.ledger.unsettled:
            return None
        return max(self._quieting.heard_at, self.settling.settled_at)

    def wakes_at(self, now: float) -> float | None:
        """Return when to call `wake` at the latest; None: not before another event."""
        if self.state is State.SILENT:
            return self._quieting.heard_at + FIRST_MESSAGE_SECONDS
        if self.state is State.QUIETING:
            return self._quieting.ends_at
        if self.settling is None or self.state is State.ENDED:
            return None
        return self.settling.due(now)

    # The beginning

    def begin(self, now: float) -> None:
        """Begin to read, unless there is no memory for it or it is refused already."""
        if self.state is not State.NEW:
            return
        self._quieting.heard_at = now
        if self.status is not None:
            self._refuse(self.status, now)
        elif self._memory.open():
            self.state = State.SILENT
        else:
            self._refuse(Status(Reason.CROWDED), now)
            self.effects.append(MakeRoom())

    def found(self, upload: Upload, opened: Opened, now: float) -> None:
        """Take the upload that `FindUpload` asked for; the client knows its id."""
        if self.state is not State.FINDING or self._first is None:
            return
        (first, named), self._first = self._first, None
        self.opened = opened
        self._intake, self.settling = self._make(upload, now, named=named)
        self.settling.tell(Tell((), upload, 0))
        self.state = State.READING
        self._take(first, now)

    # The input

    def received(self, incoming: Incoming, now: float) -> None:
        """Take the client's next message, if the stream `reads`."""
        self._quieting.heard_at = now
        if self.state is State.READING:
            self._take(incoming, now)
        elif self.state is State.SILENT:
            self._open(incoming, now)
        elif self.state in (State.REFUSED, State.QUIETING):
            if self._quieting.drop(size_bytes(incoming)):
                self.input_ended(now)
        elif self.state is not State.ENDED:
            raise ValueError(f"a message came in {self.state}")

    def input_ended(self, now: float) -> None:
        """Note that no more messages come."""
        if self.state is State.QUIETING:
            self._end()
        elif self.state in READS:
            self.state = State.FINISHING
            self._settle(now)
        elif self.state is not State.ENDED:
            raise ValueError(f"the input ended in {self.state}")

    def granted(self, now: float) -> None:
        """Note that the memory is there that an article waits for."""
        arrival, self._arrival = self._arrival, None
        if arrival is None:
            raise ValueError("no article waits for memory")
        if self.state is State.WAITING:
            self.state = State.READING
            self._admit(arrival, now)
        else:
            self.effects.append(Release(arrival.charge))

    # The settling

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article; `wake` the stream after all that come together."""
        if self.settling is not None:
            self.settling.ledger.ready(offset, outcome, now)

    def recorded(self, upload: Upload, now: float) -> None:
        """Take the journal's answer to the batch that was frozen."""
        if self.settling is None or self.state in SETTLED:
            return
        try:
            self.settling.recorded(upload, now)
        except WentBackwardsError as error:
            self._stop(Status(Reason.WENT_BACKWARDS, str(error)), now, WRITING_SECONDS)

    def not_recorded(self, status: Status, now: float) -> None:
        """Note that the journal will never take the batch."""
        self._stop(status, now, WRITING_SECONDS)

    def told(self, now: float) -> None:
        """Note that the client may be told more."""
        if self.settling is not None:
            self.settling.told()
            self._settle(now)

    def wake(self, now: float) -> None:
        """Do what is due: outcomes have come, or it is time."""
        if self.state is State.QUIETING:
            if now >= self._quieting.ends_at:
                self._end()
        elif self.state is State.SILENT:
            if now >= self._quieting.heard_at + FIRST_MESSAGE_SECONDS:
                self.refuse(Status(Reason.SILENT), now)
        else:
            self._settle(now)

    # The end

    def refuse(self, status: Status, now: float) -> None:
        """Take nothing more in; settle what was admitted; then end with the status.

        The first one counts. Nothing happens once all the input is there.
        """
        if self.state is State.NEW:
            self.status = self.status or status
        elif self.state in OPEN:
            self._refuse(status, now)

    def drain(self, now: float) -> None:
        """Tell the client to go elsewhere, and end as soon as what was admitted is settled.

        A client that has ended its input gets OK if all of it is settled in time.
        """
        if self.state is not State.ENDED:
            self.effects.append(TellDraining())
        self.refuse(Status(Reason.DRAINING), now)

    def make_room(self, now: float) -> None:
        """Tell an idle client to go, and end: somebody else has something to send."""
        self.effects.append(TellDraining())
        self.refuse(Status(Reason.IDLE), now)

    def give_up(self, now: float) -> None:
        """Settle no more: time is over."""
        self._stop(Status(Reason.DRAINING), now, QUIET_SECONDS)

    def expel(self, status: Status, now: float) -> None:
        """Settle no more: its caller may not go on."""
        self._stop(status, now, QUIET_SECONDS)

    def fail(self, now: float) -> None:
        """End for a bug; whatever it was to end with before."""
        if self.state is not State.ENDED:
            self.status = Status(Reason.FAULT)
            self._stop(self.status, now, QUIET_SECONDS)

    def forget(self) -> None:
        """Stop here: the client is gone, or the stream has ended."""
        self.state = State.ENDED
        self.effects.clear()

    def _open(self, first: Incoming, now: float) -> None:
        try:
            upload_id = name_upload(first)
        except InputError as error:
            self._refuse(error.status, now)
            return
        self.state = State.FINDING
        self._first = first, bool(upload_id)
        self.effects.append(FindUpload(upload_id))

    def _make(self, upload: Upload, now: float, *, named: bool) -> tuple[Intake, Settling]:
        numbering = Numbering(upload.next_offset, named=named)
        ledger = Ledger(upload.next_offset, self._limits)
        return (
            Intake(upload.upload_id, numbering, self._max_content_bytes, self._may_write),
            Settling(ledger, numbering, self.effects, now),
        )

    def _take(self, incoming: Incoming, now: float) -> None:
        if self._intake is None:
            raise ValueError("the upload is not known")
        try:
            arrival = self._intake.take(incoming)
        except InputError as error:
            self._refuse(error.status, now)
            return
        if arrival is None:
            self._counters.passed_over.inc()
        elif self._memory.charge(arrival.charge):
            self._admit(arrival, now)
        else:
            self._counters.memory_waits.inc()
            self._arrival = arrival
            self.state = State.WAITING

    def _admit(self, arrival: Arrival, now: float) -> None:
        """Let an article in whose memory was granted."""
        if self.settling is None:
            raise ValueError("the upload is not known")
        if self.settling.admit(arrival, self._key, now):
            self._counters.received.inc()
            if isinstance(arrival.verdict, Flaw):
                self._settle(now)

    def _settle(self, now: float) -> None:
        """Have a batch recorded if one is due; go on when nothing is left to settle."""
        if self.state in SETTLED:
            return
        complete = self.state in COMPLETE
        if self.settling is not None:
            complete = self.settling.go_on(now, complete=complete)
        if complete:
            self._leave(now, WRITING_SECONDS)

    def _refuse(self, status: Status, now: float) -> None:
        self.status = status
        self.state = State.REFUSED
        self._first = None
        self._quieting.heard_at = now
        self._settle(now)

    def _stop(self, status: Status, now: float, seconds: float) -> None:
        """Settle no more, whatever is left; end within so many seconds."""
        self.status = self.status or status
        if self.state is State.QUIETING:
            self._quieting.begin(now + seconds)
        elif self.state is not State.ENDED:
            if self.state is not State.REFUSED:
                self._quieting.heard_at = now
            self._leave(now, seconds)

    def _leave(self, now: float, seconds: float) -> None:
        """End, at once if the client is not writing."""
        if self.state in (State.NEW, State.FINISHING):
            self._end()
            return
        self.state = State.QUIETING
        self._quieting.begin(now + seconds)
        self.wake(now)

    def _end(self) -> None:
        self.state = State.ENDED
        self.effects.append(End(self.status))
