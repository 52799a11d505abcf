"""A gateway's end of a link: carries what the real link decides, connection after connection."""

from typing import TYPE_CHECKING

from newstally_gateway.core.replicas import link as machine
from newstally_gateway.core.replicas.link import State
from newstally_gateway.core.tasks import Attempt, Window
from newstally_gateway.replicas.requests import make_request
from newstally_protos.v1.extractor_pb2 import ExtractResponse
from simulation.kernel import Life
from simulation.network import Status, Stream
from simulation.replica import Replica

if TYPE_CHECKING:
    from simulation.gateway import Gateway

MESSAGE_ARTICLES = 3
MESSAGE_BYTES = 3_000


class Link:
    """One replica's link, over all its connections. Its key is the replica's name."""

    def __init__(self, gateway: "Gateway", replica: Replica) -> None:
        self._gateway = gateway
        self._kernel = gateway.kernel
        self._replica = replica
        self.key = replica.name
        self.life = Life(gateway.life)
        self.stream: Stream | None = None
        self.held: dict[int, Attempt] = {}
        """What was sent and is not answered, by the link's own account."""
        self._link: machine.Link | None = None
        self._running: set[int] = set()
        self._instance_id = ""
        self._window = Window(1, 1)
        self._leaving = False
        """The replica drains, or is listed no more."""
        self._deaf_until = 0.0
        self._unread: list[ExtractResponse | Status | None] = []
        self._connect_soon()

    @property
    def has_suspect(self) -> bool:
        """Return whether an article is tried alone on it."""
        return any(attempt.alone for attempt in self.held.values())

    @property
    def is_trying(self) -> bool:
        """Return whether an article runs alone on it."""
        return any(self.held[attempt_id].alone for attempt_id in self._running)

    def retire(self) -> None:
        """Be listed no more; a moment later it is listed again."""
        if self._link is not None:
            self._kernel.note("%s retires %s", self._gateway.name, self.key)
            self._leaving = True
            self._link.retire(self._kernel.now)

    def deafen(self, seconds: float) -> None:
        """Read nothing for a while."""
        self._kernel.note("%s does not read %s", self._gateway.name, self.key)
        self._deaf_until = self._kernel.now + seconds
        self._kernel.at(self._deaf_until, self.life, self._read_on)

    # The stream

    def received(self, message: ExtractResponse) -> None:
        """Hear the replica."""
        if self._unread or self._kernel.now < self._deaf_until:
            self._unread.append(message)
            return
        assert self.stream is not None
        self.stream.down.taken()
        link = self._link
        assert link is not None
        self._observe(message)
        link.received(message, self._kernel.now)

    def ended(self, status: Status | None) -> None:
        """Hear that the link is broken, or closed in good order."""
        if status is None and (self._unread or self._kernel.now < self._deaf_until):
            self._unread.append(None)
        elif self._link is not None:
            self._link.ended("in good order" if status is None else status.value, self._kernel.now)

    # What the link wants to be done

    def unsent(self) -> None:
        """Send work."""
        link, stream = self._link, self.stream
        assert link is not None
        assert stream is not None
        assert stream.up is not None
        while link.has_unsent:
            attempts = link.take_unsent(MESSAGE_ARTICLES, MESSAGE_BYTES, 0)
            for attempt in attempts:
                self.held[attempt.attempt_id] = attempt
                article = self._identity(attempt)
                if any(
                    article == self._identity(other)
                    for link in self._gateway.links
                    for other in link.held.values()
                    if link is not self
                ):
                    self._kernel.saw("an article goes to a second link")
                self._gateway.oracle.sent(self.key, self._window, self.held, article, attempt)
            stream.up.send(make_request(attempts, link.take_withdrawn()))

    def turned(self) -> None:
        """End our half, or forget a link that has ended."""
        link = self._link
        assert link is not None
        assert self.stream is not None
        assert self.stream.up is not None
        if link.deadline is not None:
            self._kernel.at(link.deadline, self.life, self._tick, link)
        if link.state is State.LEAVING:
            self._kernel.saw("a link is retired")
            self.stream.up.close(None)
        elif link.state is State.ENDED:
            self._forget(link)

    def too_slow(self) -> None:
        """Count it."""
        self._kernel.saw("a link runs out of time")

    def defective(self, model: str, defect: str) -> None:
        """Note it."""
        self._kernel.note("%s: %s", model, defect)

    # Connections

    def _connect_soon(self) -> None:
        delay = self._kernel.random.uniform(0.01, 0.5)
        self._kernel.after(delay, self.life, self._connect)

    def _connect(self) -> None:
        if self._replica.up:
            self._leaving = False
            self._unread.clear()
            self.stream = Stream(self._gateway.network, self)
            make = self._gateway.machines.link
            self._link = make(self._gateway.dispatching, self, self._kernel.now, self.key)
            assert self._link.deadline is not None
            self._kernel.at(self._link.deadline, self.life, self._tick, self._link)
            self._replica.accept(self.stream)
        else:
            self._connect_soon()

    def _tick(self, link: machine.Link) -> None:
        link.tick(self._kernel.now)

    def _read_on(self) -> None:
        if self._kernel.now < self._deaf_until:
            return
        unread, self._unread = self._unread, []
        for message in unread:
            if self._link is None:
                return
            if isinstance(message, ExtractResponse):
                self.received(message)
            else:
                self.ended(message)

    def _forget(self, link: machine.Link) -> None:
        """Let go of the stream; connect again."""
        assert link.end is not None
        assert self.stream is not None
        self._kernel.note("%s loses %s: %s", self._gateway.name, self.key, link.end)
        self.stream.down.abandon()
        if self.stream.up is not None:
            self.stream.up.cut()
        self.stream = self._link = None
        self._unread.clear()
        if self._leaving:
            if self.held:
                self._kernel.saw("a link ends in good order with articles on it")
        else:
            self._accuse([self.held[attempt_id] for attempt_id in sorted(self._running)])
        self.held.clear()
        self._running.clear()
        self._connect_soon()

    # The link's own account, for the oracle

    def _observe(self, message: ExtractResponse) -> None:
        match message.WhichOneof("event"):
            case "welcome":
                window = message.welcome.window
                self._window = Window(window.articles, window.bytes)
                self._instance_id = message.welcome.instance_id
            case "started":
                self._running.update(id_ for id_ in message.started.ids if id_ in self.held)
            case "results":
                for result in message.results.results:
                    if self.held.pop(result.id, None) is None:
                        self._kernel.saw("an answer means nothing")
                    self._running.discard(result.id)
            case "handed_back":
                for attempt_id in message.handed_back.ids:
                    self.held.pop(attempt_id, None)
                    self._running.discard(attempt_id)
            case "draining":
                self._leaving = True

    def _accuse(self, running: list[Attempt]) -> None:
        """Let the oracle know what ran when the link broke."""
        elsewhere = {
            self._identity(attempt)
            for link in self._gateway.links
            for attempt in link.held.values()
            if link is not self
        }
        for attempt in running:
            # What another replica has as well, because this one was silent, goes on there.
            if self._identity(attempt) not in elsewhere:
                self._gateway.oracle.suspected(self._identity(attempt))
        if len(running) == 1 and running[0].alone:
            self._kernel.saw("an article dies alone")
            self._gateway.oracle.died_alone(self._identity(running[0]), self._instance_id)

    def _identity(self, attempt: Attempt) -> tuple[object, ...]:
        # A gateway that is started again knows nothing of deaths.
        return self._gateway.life, attempt.task.stream, attempt.task.offset
