"""Waiting for a place: the asyncio side of `core.clients.places`."""

import asyncio
from collections.abc import Callable, Set

from newstally_gateway.core.clients.places import Places

WAIT_SECONDS = 10.0
"""How long a new stream waits for a place."""
LOOK_SECONDS = 0.25
"""How often it is looked, while anybody waits, who could leave."""


class WaitingRoom:
    """Gives streams, known by their numbers, a place at once or later."""

    def __init__(
        self, places: Places, look: Callable[[], None], wait_seconds: float = WAIT_SECONDS
    ) -> None:
        """`look` is called when somebody might have to leave."""
        self._places = places
        self._wait_seconds = wait_seconds
        self._look = look
        self._waiting: dict[object, asyncio.Future[bool]] = {}
        self._open = True

    @property
    def places(self) -> int:
        """How many there are."""
        return self._places.total

    async def enter(self, number: int, peer: str) -> bool:
        """Return whether the stream got a place. `leave` it in the end."""
        if not self._open:
            return False
        try:
            placed = await self._enter(number, peer)
        except BaseException:  # cancelled: its client went away
            self.leave(number)
            raise
        if not placed:
            self.leave(number)
        return placed

    async def _enter(self, number: int, peer: str) -> bool:
        loop = asyncio.get_running_loop()
        refused = self._places.open(number, peer, loop.time())
        self._look()
        if refused is not None:
            self._tell(refused, placed=False)
        if self._places.has(number) or refused == number:
            return self._places.has(number)
        self._waiting[number] = future = loop.create_future()
        until = loop.time() + self._wait_seconds
        while not future.done() and loop.time() < until:
            await asyncio.wait({future}, timeout=LOOK_SECONDS)
            self._look()
        return future.done() and future.result()

    def leave(self, number: int) -> None:
        """Give up the place, or the wish for one."""
        self._waiting.pop(number, None)
        for served in self._places.close(number, asyncio.get_running_loop().time()):
            self._tell(served, placed=True)

    def dismiss(self) -> None:
        """Let nobody wait any longer."""
        self._open = False
        for number in list(self._waiting):
            self._tell(number, placed=False)

    def pick(self, busy: Set[int]) -> int | None:
        """Return the stream that shall leave, if one shall."""
        found = self._places.pick(busy, asyncio.get_running_loop().time())
        return found if isinstance(found, int) else None

    def use(self, number: int, size_bytes: int, now: float) -> None:
        """Note that a stream brought an article that is worth its place."""
        if self._places.has(number):
            self._places.use(number, size_bytes, now)

    def _tell(self, number: object, *, placed: bool) -> None:
        future = self._waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result(placed)
