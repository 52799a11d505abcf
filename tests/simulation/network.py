"""What lies between processes: streams, ordered until they break, and calls that get lost."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeAlias

from simulation.kernel import Kernel, Life


class Status(Enum):
    """How a call or a stream failed."""

    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED with RetryInfo"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"


@dataclass(frozen=True, slots=True)
class Weather:
    """How the network behaves while faults are allowed."""

    latency: float
    """Mean seconds one way."""
    slow: float
    """Probability that something takes up to `SLOW_SECONDS` instead."""
    lost: float
    """Probability that a call's request, or its reply, gets lost."""
    doubled: float
    """Probability that a call's request arrives twice."""


SLOW_SECONDS = 3.0
FAIR_LATENCY = 0.005


class Network:
    """Decides how long things take and what gets lost."""

    def __init__(self, kernel: Kernel, weather: Weather) -> None:
        self.kernel = kernel
        self._weather = weather
        self.fair = False
        """Set when the faults are over: nothing is lost any more, nothing is slow."""

    def latency(self) -> float:
        """Return the seconds that something takes one way."""
        random = self.kernel.random
        if self.fair:
            return random.random() * 2 * FAIR_LATENCY
        if random.random() < self._weather.slow:
            return random.random() * SLOW_SECONDS
        return random.random() * 2 * self._weather.latency

    def loses(self) -> bool:
        """Return whether the next message of a call gets lost."""
        return not self.fair and self.kernel.chance(self._weather.lost)

    def doubles(self) -> bool:
        """Return whether the next request of a call arrives twice."""
        return not self.fair and self.kernel.chance(self._weather.doubled)


class Receiver(Protocol):
    """One end of a stream."""

    life: Life

    def received(self, message: Any) -> None:
        """Take a message."""

    def ended(self, status: Status | None) -> None:
        """Hear that nothing more comes; None: the other end finished in good order.

        It may break after that: then this is called again.
        """


class Pipe:
    """One direction of a stream."""

    def __init__(self, network: Network, receiver: Receiver) -> None:
        self._network = network
        self._receiver = receiver
        self._last_arrival = 0.0
        self._closed = False
        self._cut = False
        self.unread = 0
        """Messages that were sent and not taken: what flow control bounds."""
        self.room: Callable[[], None] | None = None
        """Called when a message was taken."""

    def send(self, message: Any) -> None:
        """Send a message, in order; after the end it goes nowhere."""
        if not self._closed:
            self.unread += 1
            self._network.kernel.at(self._arrival(), self._receiver.life, self._deliver, message)

    def taken(self) -> None:
        """Say that a message was taken out of the stream."""
        self.unread -= 1
        if self.room is not None:
            self.room()

    def close(self, status: Status | None) -> None:
        """End it in order: what was sent arrives before."""
        if not self._closed:
            self._closed = True
            self._network.kernel.at(self._arrival(), self._receiver.life, self._end, status)

    def cut(self) -> None:
        """Break it: what is under way is lost, and the receiver hears of it some time later."""
        if not self._cut:
            self._closed = self._cut = True
            delay = self._network.latency()
            self._network.kernel.after(
                delay, self._receiver.life, self._receiver.ended, Status.UNAVAILABLE
            )

    def abandon(self) -> None:
        """Let nothing arrive any more: the receiver does not listen."""
        self._closed = self._cut = True

    def _arrival(self) -> float:
        self._last_arrival = max(
            self._last_arrival, self._network.kernel.now + self._network.latency()
        )
        return self._last_arrival

    def _deliver(self, message: Any) -> None:
        if not self._cut:
            self._receiver.received(message)

    def _end(self, status: Status | None) -> None:
        if not self._cut:
            self._receiver.ended(status)


class Stream:
    """Two pipes between whoever opened it (the near end) and whoever accepted it (the far end)."""

    def __init__(self, network: Network, near: Receiver) -> None:
        self._network = network
        self.down = Pipe(network, near)
        self.up: Pipe | None = None

    def accept(self, far: Receiver) -> Pipe:
        """Take it at the far end; return the pipe that leads there."""
        self.up = Pipe(self._network, far)
        return self.up

    def cut(self) -> None:
        """Break both directions."""
        self.down.cut()
        if self.up is not None:
            self.up.cut()


Reply: TypeAlias = Callable[[Any], None]
Handler: TypeAlias = Callable[[Any, Reply], None]


class Call:
    """One unary call: it is answered once, by a reply or a status."""

    def __init__(
        self,
        network: Network,
        life: Life,
        handler: Callable[[], Handler | None],
        request: Any,
        answered: Callable[[Any], None],
        deadline: float,
    ) -> None:
        """`handler` says who serves when the request arrives; None: nobody, UNAVAILABLE."""
        self._network = network
        self._kernel = network.kernel
        self._life = Life(life)
        self._handler = handler
        self._answered = answered
        self._kernel.after(deadline, self._life, self._finish, Status.DEADLINE_EXCEEDED)
        for _ in range(2 if network.doubles() else 1):
            if not network.loses():
                # The request is under way, whatever becomes of the caller.
                self._kernel.after(network.latency(), _ALWAYS, self._arrive, request)

    def _arrive(self, request: Any) -> None:
        handler = self._handler()
        if handler is None:
            self._reply(Status.UNAVAILABLE)
        else:
            handler(request, self._reply)

    def _reply(self, answer: Any) -> None:
        if not self._network.loses():
            self._kernel.after(self._network.latency(), self._life, self._finish, answer)

    def _finish(self, answer: Any) -> None:
        self._life.end()
        self._answered(answer)


_ALWAYS = Life()
