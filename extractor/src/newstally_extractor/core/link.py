"""One link: what is unanswered on it, and what waits to be sent."""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1.draining_pb2 import Draining

from newstally_extractor.core.windows import Account, Window


@dataclass(slots=True)
class _Outgoing:
    response: pb.ExtractResponse
    sizes_bytes: list[int] = field(default_factory=list)
    """The content of each article that it answers."""
    sent: asyncio.Future[bool] | None = None


class Link:
    """The replica's end of a stream from a gateway.

    open ──drain() or the gateway ended its side, and all is answered──▶ ended (status OK)
     │  └──end()─────────────────────────────────────────────────────▶ ended (status OK)
     ├──cut()──▶ Draining, after what is being sent ──▶ ended (status OK)
     └──close()──▶ closed (nothing is sent any more)
    """

    def __init__(self, welcome: pb.Welcome, window: Window) -> None:
        """Open it. `welcome` says who the replica is."""
        self._identity = welcome
        self._window = window
        self._unanswered = Account()
        self._welcome: pb.ExtractResponse | None = None
        self._outgoing: deque[_Outgoing] = deque()
        self._sending: _Outgoing | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._finishing = False
        self._over = False
        self._farewell: pb.ExtractResponse | None = None
        self._error: BaseException | None = None
        self._announce_window()

    @property
    def over(self) -> bool:
        """Whether nothing more will be sent."""
        return self._over

    def set_window(self, window: Window) -> None:
        """Tell the gateway its share, if it changed."""
        if window != self._window:
            self._window = window
            self._announce_window()
            self._look_for_room()

    def take(self, size_bytes: int) -> None:
        """Count an article that came in."""
        self._unanswered.charge(size_bytes)
        self._look_for_room()

    async def room(self) -> None:
        """Wait until more may be read: until what is unanswered is within the window."""
        await self._room.wait()

    def announce(self, ids: Iterable[int]) -> asyncio.Future[bool]:
        """Send Started. The future says, once it is known, whether it has left the process.

        A message counts as accepted when the transport has put it into its buffer, which is not yet
        the kernel's. But it writes one buffer at a time: when a second message has been accepted,
        the first one's buffer has been written. Hence the event without content that follows
        (gateways ignore it): an engine that ends the process at once cannot take Started with it.
        """
        sent: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self._over:
            sent.set_result(False)
            return sent
        self._send(_Outgoing(pb.ExtractResponse(started=pb.Started(ids=ids))))
        self._send(_Outgoing(pb.ExtractResponse(), sent=sent))
        return sent

    def answer(self, results: list[pb.Result], sizes_bytes: list[int]) -> None:
        """Send results; their articles are unanswered until the transport has accepted them."""
        if not self._over:
            response = pb.ExtractResponse(results=pb.Results(results=results))
            self._send(_Outgoing(response, sizes_bytes))

    def drain(self) -> None:
        """Tell the gateway to send nothing new; end when everything that came is answered."""
        self._send(_Outgoing(pb.ExtractResponse(draining=Draining())))
        self._finishing = True

    def requests_ended(self, error: BaseException | None) -> None:
        """Note that nothing more comes: end when all is answered, or fail with the error."""
        self._finishing = True
        self._error = error
        self._changed.set()

    def end(self) -> None:
        """End the stream in good order without answering the rest."""
        self._over = True
        self._forget()

    def cut(self) -> None:
        """End the stream without answering the rest, of a gateway that does not read.

        A Started may be on its way that says of work that it runs, which never will. Draining
        behind it makes the end a clean one: no gateway suspects what was unanswered.
        """
        self._farewell = pb.ExtractResponse(draining=Draining())
        self.close()

    def close(self) -> None:
        """Note that the stream is gone."""
        self._over = True
        self._forget()

    async def next_response(self) -> pb.ExtractResponse | None:
        """Return what to send next; None when the stream shall end.

        Asking for it says that the previous one was accepted by the transport.
        """
        self._accepted()
        while True:
            if self._error is not None:
                raise self._error
            if self._over:
                farewell, self._farewell = self._farewell, None
                return farewell
            if self._welcome is not None:
                response, self._welcome = self._welcome, None
                return response
            if self._outgoing:
                self._sending = self._outgoing.popleft()
                return self._sending.response
            if self._finishing and self._unanswered.articles == 0:
                self._over = True
                return None
            self._changed.clear()
            await self._changed.wait()

    def _accepted(self) -> None:
        outgoing, self._sending = self._sending, None
        if outgoing is None:
            return
        self._unanswered.release(len(outgoing.sizes_bytes), sum(outgoing.sizes_bytes))
        self._look_for_room()
        if outgoing.sent is not None and not outgoing.sent.done():
            outgoing.sent.set_result(True)

    def _send(self, outgoing: _Outgoing) -> None:
        self._outgoing.append(outgoing)
        self._changed.set()

    def _announce_window(self) -> None:
        # A slot, not the queue: however often it changes, only the latest waits to be sent.
        welcome = pb.Welcome()
        welcome.CopyFrom(self._identity)
        welcome.window.articles = self._window.articles
        welcome.window.bytes = self._window.size_bytes
        self._welcome = pb.ExtractResponse(welcome=welcome)
        self._changed.set()

    def _look_for_room(self) -> None:
        if self._unanswered.has_room(self._window):
            self._room.set()
        else:
            self._room.clear()

    def _forget(self) -> None:
        """Nothing that waits will be sent; whoever waits for it learns so."""
        for outgoing in (*self._outgoing, *([self._sending] if self._sending else [])):
            if outgoing.sent is not None and not outgoing.sent.done():
                outgoing.sent.set_result(False)
        self._outgoing.clear()
        self._changed.set()
