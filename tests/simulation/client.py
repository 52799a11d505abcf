"""A client: sends an upload's articles until it was told that all are settled."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from newstally_gateway.core.clients.effects import Tell, TellDraining
from newstally_gateway.core.clients.intake import Incoming, Malformed
from newstally_gateway.core.clients.stream import FIRST_MESSAGE_SECONDS
from newstally_persister.values.uploads import Upload
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest
from simulation.kernel import Life
from simulation.network import Call, Status, Stream
from simulation.oracle import check
from simulation.scenario import RECORD_DEADLINE

if TYPE_CHECKING:
    from simulation.world import World

UNREAD_MESSAGES = 4
"""What fits into the stream before somebody has to read: flow control."""


class Resume(Enum):
    """Where a client goes on after its stream broke."""

    START = "from the start"
    KNOWN = "from what it was told"
    ASKED = "from what it asks for first"
    LOWER = "from somewhere below"


class Client:
    """Uploads, vanishes, comes back, until it is done."""

    def __init__(
        self, world: "World", name: str, upload_id: str, contents: int, pause: float
    ) -> None:
        """`contents`: which of the upload's it sends; `pause`: seconds between two articles."""
        self._world = world
        self._kernel = world.kernel
        self.name = name
        self.upload_id = upload_id
        self._samples = world.uploads[upload_id][contents]
        random = self._kernel.random
        self._pause = pause
        self._read_delay = random.choice((0.0, 0.0, 0.0, 0.5))
        self._waits = random.choice((True, False))
        self._home = random.randrange(len(world.gateways))
        self._roams = random.choice((True, False))
        self._careless = random.choice((0, 0, 0.03))
        self._skips = random.choice((True, True, False))
        self.done = False
        self.over = False
        """It was told that another client sends its upload, and has stopped."""
        self.life = Life(world.life)
        self._stream: Stream | None = None
        self._position = 0
        self._first = True
        self._finished = False
        self._skipped = False
        self._mistaken = False
        self._drained = False
        self._told = 0
        self._reads_at = 0.0
        self._kernel.after(random.uniform(0, 1), world.life, self._begin)

    @property
    def has_ended(self) -> bool:
        """Whether it comes back no more."""
        return self.done or self.over

    def vanish(self) -> None:
        """Be killed, and come back."""
        if self._stream is not None:
            self._kernel.note("%s vanishes", self.name)
            self._stream.cut()
            self._again()

    def received(self, message: Tell | TellDraining) -> None:
        """Hear how many are settled, when it comes to reading."""
        delay = self._kernel.random.random() * self._read_delay
        self._reads_at = max(self._reads_at, self._kernel.now + delay)
        self._kernel.at(self._reads_at, self.life, self._read, message)

    def ended(self, status: Status | None) -> None:
        """Hear that the stream is over; an end in good order comes after all was read."""
        self._kernel.at(self._reads_at, self.life, self._over, status)

    def _begin(self) -> None:
        how = self._kernel.random.choice(tuple(Resume))
        if how is Resume.ASKED:
            Call(
                self._world.network,
                self.life,
                self._world.persister.get_handler,
                self.upload_id,
                self._asked,
                RECORD_DEADLINE,
            )
        elif how is Resume.START:
            self._open(0)
        elif how is Resume.KNOWN:
            self._open(self._told)
        else:
            self._open(self._kernel.random.randint(0, self._told))

    def _asked(self, answer: Any) -> None:
        if isinstance(answer, Upload):
            self._hear(answer.next_offset)
            if not self.done:
                self._open(answer.next_offset)
        else:
            self._again()

    def _open(self, position: int) -> None:
        if self._roams:
            self._home = self._kernel.random.randrange(len(self._world.gateways))
        stream = Stream(self._world.network, self)
        session = self._world.gateways[self._home].accept(stream, self._samples)
        if session is None:
            self._again()
            return
        self._kernel.note(
            "%s opens stream %s at %s from %s",
            *(self.name, session.key, session.gateway.name, position),
        )
        self._stream = stream
        self._position = position
        self._first = True
        self._finished = False
        self._skipped = self._mistaken = self._drained = False
        assert stream.up is not None
        stream.up.room = self._room
        if self._careless and not self._world.network.fair and self._kernel.chance(0.06):
            # Says nothing for longer than a gateway waits.
            self._kernel.after(FIRST_MESSAGE_SECONDS + 10, self.life, self._write)
        else:
            self._write()

    def _room(self) -> None:
        self._kernel.after(self._world.network.latency(), self.life, self._write)

    def _write(self) -> None:
        """Send what fits into the stream; half-close after the last one, at once or when told."""
        pipe = None if self._stream is None else self._stream.up
        while pipe is not None and not self._finished and pipe.unread < UNREAD_MESSAGES:
            if self._skips and self._position < self._told:
                if not self._first:
                    self._kernel.saw("a client skips what others sent")
                self._position = self._told
                self._first = True
            if self._position < len(self._samples) and not self._drained:
                pipe.send(self._next())
                self._position += 1
                if self._pause:
                    self._kernel.after(self._pause, self.life, self._write)
                    return
            elif self._drained or (self._waits and not self.done and not self._first):
                return
            else:
                self._finished = True
                pipe.close(None)

    def _next(self) -> Incoming:
        random = self._kernel.random
        upload_id = self.upload_id if self._first or random.random() < 0.1 else ""
        if self._world.network.fair or random.random() >= self._careless:
            named = self._first or random.random() < 0.5
        else:
            named = True
            match random.randrange(4):
                case 0 | 1:  # says again what it said on this very stream
                    self._position = random.randint(0, self._position)
                case 2:  # leaves articles out: a gap, unless others have sent them meanwhile
                    self._position = min(self._position + 5, len(self._samples) - 1)
                    self._skipped = True
                case _:
                    self._mistaken = not self._first
                    upload_id = self.upload_id if self._first else "another one"
        self._first = False
        return self._message(upload_id, self._position if named else None)

    def _message(self, upload_id: str, offset: int | None) -> Incoming:
        sample = self._samples[self._position]
        if sample.article is None and sample.reason == RefusalReason.REFUSAL_REASON_MALFORMED:
            return Malformed(upload_id, offset, "", 100)
        return StreamArticlesRequest(upload_id=upload_id, offset=offset, article=sample.article)

    def _read(self, message: Tell | TellDraining) -> None:
        if self._stream is not None:
            self._stream.down.taken()
        if isinstance(message, TellDraining):
            self._drained = True
            return
        for refusal in message.refusals:
            reason = self._samples[refusal.offset].reason
            check(refusal.reason == reason, "%s: %s, must be %s", self.name, refusal, reason)
        self._hear(message.upload.next_offset)
        if self.done or self._skips:
            self._write()

    def _hear(self, next_offset: int) -> None:
        self._world.oracle.acknowledged(self.name, self.upload_id, next_offset)
        self._told = max(self._told, next_offset)
        if self._told == len(self._samples) and not self.done:
            self._kernel.note("%s is done", self.name)
            self.done = True

    def _over(self, status: Status | None) -> None:
        check(
            self._skipped or status is not Status.OUT_OF_RANGE,
            "%s left nothing out, and was told so",
            self.name,
        )
        check(
            self._mistaken or status is not Status.INVALID_ARGUMENT,
            "%s made no mistake, and was told so",
            self.name,
        )
        if status is Status.FAILED_PRECONDITION:
            self._kernel.saw("a client is told that its upload was taken over")
            others = (c for c in self._world.clients if c is not self)
            self.over = any(c.upload_id == self.upload_id and not c.over for c in others)
        if status is None:
            check(
                self._finished and self._told >= self._position,
                "%s: OK with %s settled of %s",
                *(self.name, self._told, self._position),
            )
        self._again()

    def _again(self) -> None:
        """Forget the stream, and come back later if there is something left."""
        if self._stream is not None:
            self._stream.down.abandon()
            self._stream = None
        self.life.end()
        if self.over:
            self._kernel.note("%s stops", self.name)
        elif not self.done:
            self.life = Life(self._world.life)
            delay = self._kernel.random.uniform(0.05, 1.5)
            self._kernel.after(delay, self.life, self._begin)
