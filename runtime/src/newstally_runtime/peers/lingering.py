"""Calls that come to nothing keep their place for a while, if their peer makes many of them.

A call that is cancelled or refused costs the server as much as one that is answered, and its peer
nothing: thousands a second kept a core busy. gRPC counts a call among those of its connection until
it is forgotten here. So who makes more of them than there is time for fills its own connection, and
gRPC turns away what comes beyond that, at hardly any cost.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import grpc

from newstally_runtime.peers.turns import Crowd

AT_ONCE = 32
"""Calls of one connection that may come to nothing at once, if nothing else is said."""
MOST = 2_000
"""Calls that may linger at once, of all peers; who has most of them has one forgotten."""
BURST_SECONDS = 2.0
"""In which as many may come to nothing as may at once."""

Context = grpc.aio.ServicerContext[Any, Any]
Serve = Callable[[AsyncIterator[Any], Context], Awaitable[Any]]
Respond = Callable[[AsyncIterator[Any], Context], AsyncGenerator[Any, None]]


class Pace:
    """When each peer's next call may come to nothing. Pure."""

    def __init__(self, at_once: int) -> None:
        """So many at once, and as many more in BURST_SECONDS."""
        self._step = BURST_SECONDS / at_once
        # When all that a peer has made will have had their time.
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def seconds(self, peer: str, now: float) -> float:
        """Take note of one; return how long it has to linger."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        until = max(now, self._until.pop(peer, now)) + self._step
        self._until[peer] = until
        return max(0.0, until - now - BURST_SECONDS)


class Lingering:
    """Keeps calls from being forgotten."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """See `Pace`."""
        self._pace = Pace(at_once)
        self._crowd = Crowd(MOST)

    async def linger(self, peer: str) -> None:
        """Return when a call of this peer that comes to nothing may be forgotten."""
        loop = asyncio.get_running_loop()
        seconds = self._pace.seconds(peer, loop.time())
        if not seconds:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds) as patience:
                leaving = self._crowd.enter(patience, peer)
                if isinstance(leaving, asyncio.Timeout):
                    leaving.reschedule(loop.time())
                try:
                    await loop.create_future()
                finally:
                    self._crowd.leave(patience)

    def cancelled(self, serve: Serve) -> Serve:
        """Return the handler, with calls lingering that their peers cancel."""

        async def lingering(requests: AsyncIterator[Any], context: Context) -> Any:
            try:
                return await serve(requests, context)
            except asyncio.CancelledError:
                await self.linger(context.peer())
                raise

        return lingering

    def cancelled_stream(self, respond: Respond) -> Respond:
        """Return the same for a handler that yields its answers."""

        async def lingering(
            requests: AsyncIterator[Any], context: Context
        ) -> AsyncGenerator[Any, None]:
            try:
                async with aclosing(respond(requests, context)) as responses:
                    async for response in responses:
                        yield response
            except asyncio.CancelledError:
                await self.linger(context.peer())
                raise

        return lingering
