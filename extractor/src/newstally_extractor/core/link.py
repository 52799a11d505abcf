"""One link: what is unanswered on it, and what waits to be sent.

open ──drain(), or the gateway has ended its side──▶ finishing ──all is answered──▶ ended
 │                                                       │
 ├──cut()──▶ cut ──Draining is taken──▶ ended            │
 └──end(), close() ──▶ ended ◀───────────────────────────┘
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1.draining_pb2 import Draining

from newstally_extractor.core.windows import Account, Window


class State(Enum):
    """How far a link is."""

    OPEN = auto()
    """Takes work and answers it."""
    FINISHING = auto()
    """Ends when everything that came is answered."""
    CUT = auto()
    """Sends Draining, and nothing else."""
    ENDED = auto()
    """Sends nothing more."""


class Effects(Protocol):
    """What a link wants to be done."""

    def stirred(self) -> None:
        """Look at `Link.next_response`, `Link.has_room` and `Link.state` anew."""
        ...


@dataclass(slots=True)
class Announcement:
    """A Started that is on its way."""

    has_left: bool | None = None
    """Whether it has left the process; None while that is not known."""


@dataclass(slots=True)
class _Outgoing:
    response: pb.ExtractResponse
    sizes_bytes: list[int] = field(default_factory=list)
    """The content of each article that it answers."""
    announcement: Announcement | None = None


class Link:
    """The replica's end of a stream from a gateway."""

    def __init__(self, identity: pb.Welcome, window: Window, effects: Effects) -> None:
        """Open it. `identity` says who the replica is."""
        self._identity = identity
        self._window = window
        self._effects = effects
        self.state = State.OPEN
        self.takes_back = False
        """Whether the gateway knows HandedBack."""
        self._unanswered = Account()
        self._welcome: pb.ExtractResponse | None = None
        self._report: pb.ExtractResponse | None = None
        self._outgoing: deque[_Outgoing] = deque()
        self._sending: _Outgoing | None = None
        self._announce_window()

    @property
    def is_over(self) -> bool:
        """Whether nothing of its work will be answered any more."""
        return self.state in {State.CUT, State.ENDED}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is unanswered."""
        return self._unanswered.articles == 0

    @property
    def has_room(self) -> bool:
        """Whether more may be read: whether what is unanswered is within the window."""
        return self._unanswered.has_room(self._window)

    # The replica's side

    def set_window(self, window: Window) -> None:
        """Tell the gateway its share, if it changed."""
        if window != self._window:
            self._window = window
            self._announce_window()

    def take(self, size_bytes: int) -> None:
        """Count an article that came in."""
        self._unanswered.charge(size_bytes)

    def announce(self, ids: Iterable[int]) -> Announcement:
        """Send Started; what is returned says, once it is known, whether it has left the process.

        A message counts as accepted when the transport has put it into its buffer, which is not yet
        the kernel's. But it writes one buffer at a time: when a second message has been accepted,
        the first one's buffer has been written. Hence the event without content that follows
        (gateways ignore it): an engine that ends the process at once cannot take Started with it.
        """
        announcement = Announcement()
        if self.is_over:
            announcement.has_left = False
        else:
            self._send(_Outgoing(pb.ExtractResponse(started=pb.Started(ids=ids))))
            self._send(_Outgoing(pb.ExtractResponse(), announcement=announcement))
        return announcement

    def answer(self, results: list[pb.Result], sizes_bytes: list[int]) -> None:
        """Send results; their articles are unanswered until the transport has accepted them."""
        if not self.is_over:
            response = pb.ExtractResponse(results=pb.Results(results=results))
            self._send(_Outgoing(response, sizes_bytes))

    def hand_back(self, ids: list[int], sizes_bytes: list[int]) -> None:
        """Say that these were not begun; they count until the transport has accepted that."""
        if not self.is_over:
            response = pb.ExtractResponse(handed_back=pb.HandedBack(ids=ids))
            self._send(_Outgoing(response, sizes_bytes))

    def report(self, report: pb.ExtractResponse) -> None:
        """Say how the replica is, once nothing else is to be sent; only the latest is."""
        if self.state is State.OPEN:
            self._report = report
            self._effects.stirred()

    def drain(self) -> None:
        """Tell the gateway to send nothing new; end when everything that came is answered."""
        if not self.is_over:
            self._send(_Outgoing(pb.ExtractResponse(draining=Draining())))
            self.finish()

    def finish(self) -> None:
        """End when everything that came is answered."""
        if self.state is State.OPEN:
            self.state = State.FINISHING
        self._effects.stirred()

    def end(self) -> None:
        """End the stream in good order without answering the rest."""
        self._turn_over(State.ENDED)

    def cut(self) -> None:
        """End the stream without answering the rest, of a gateway that does not read.

        A Started may be on its way that says of work that it runs, which never will. Draining
        behind it makes the end a clean one: no gateway suspects what was unanswered.

        The write that hangs cannot be taken back, and cancelling its handler would leave the
        gateway with a stream that never ends. So the handler waits, and holds one message, until
        the gateway reads on, or its own deadline or keepalive ends the connection.
        """
        self._turn_over(State.CUT)

    def close(self) -> None:
        """Note that nobody hears more of the replica than what is promised already."""
        if not self.is_over:
            self._turn_over(State.ENDED)

    # The stream's side

    def next_response(self) -> pb.ExtractResponse | None:
        """Return what to send next; None when there is nothing now, or, once ENDED, ever."""
        if self.state is State.CUT:
            self.state = State.ENDED
            return pb.ExtractResponse(draining=Draining())
        if self.state is State.ENDED:
            return None
        if self._welcome is not None:
            response, self._welcome = self._welcome, None
            return response
        if self._outgoing:
            self._sending = self._outgoing.popleft()
            return self._sending.response
        if self._report is not None:
            response, self._report = self._report, None
            return response
        if self.state is State.FINISHING and self._unanswered.articles == 0:
            self.state = State.ENDED
        return None

    def accepted(self) -> None:
        """Note that the transport has accepted what `next_response` returned last."""
        outgoing, self._sending = self._sending, None
        if outgoing is None:
            return
        self._unanswered.release(len(outgoing.sizes_bytes), sum(outgoing.sizes_bytes))
        if outgoing.announcement is not None and outgoing.announcement.has_left is None:
            outgoing.announcement.has_left = True
        self._effects.stirred()

    def _send(self, outgoing: _Outgoing) -> None:
        self._outgoing.append(outgoing)
        self._effects.stirred()

    def _announce_window(self) -> None:
        # A slot, not the queue: however often it changes, only the latest waits to be sent.
        welcome = pb.Welcome()
        welcome.CopyFrom(self._identity)
        welcome.window.articles = self._window.articles
        welcome.window.bytes = self._window.size_bytes
        self._welcome = pb.ExtractResponse(welcome=welcome)
        self._effects.stirred()

    def _turn_over(self, state: State) -> None:
        """Send nothing of what waits; what was to be announced never will be."""
        self.state = state
        for outgoing in (*self._outgoing, *([self._sending] if self._sending else [])):
            announcement = outgoing.announcement
            if announcement is not None and announcement.has_left is None:
                announcement.has_left = False
        self._outgoing.clear()
        self._effects.stirred()
