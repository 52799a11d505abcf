"""Calls to the gateway, within bounds: so many at once, so long, and none twice."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from enum import Enum, auto
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from newstally_dashboard.asking.cache import Cache, Loaded
from newstally_dashboard.asking.troubles import BUSY, LATE, Trouble, TroubleError, trouble_of
from newstally_dashboard.metrics import Metrics

FAILED_SECONDS = 1.0
"""How long a failure that may pass is told again without asking."""
COURTESY_SECONDS = 0.5
"""So long what is aside lets pages go first: a store answers one question after the other."""
OVERHEAD_BYTES = 512
"""Of an answer that is kept, beside its message and what was asked."""
MEMORY_FACTOR = 3
"""A message takes about so many times its serialised size."""

Response = TypeVar("Response", bound=Message)


class Lane(Enum):
    """How urgent a call is."""

    PAGE = auto()
    """A page waits for it."""
    SIDE = auto()
    """It may take the store a while, or only decorates: such calls have half of the turns."""


class Asker:
    """Asks, and remembers the answers for some seconds."""

    def __init__(
        self,
        cache: Cache[Any],
        metrics: Metrics,
        *,
        max_calls: int,
        max_waiting: int,
        timeout: float,
    ) -> None:
        """`timeout`: seconds that a call may take, waiting for its turn included."""
        self._cache = cache
        self._metrics = metrics
        self._turns = asyncio.Semaphore(max_calls)
        self._side_turns = asyncio.Semaphore(max(1, max_calls // 2))
        self._max_waiting = max_waiting
        self._waiting = 0
        self._pages = 0
        self._no_page = asyncio.Event()
        self._no_page.set()
        self._timeout = timeout

    async def ask(
        self,
        method: Callable[[], Callable[..., Awaitable[Response]]],
        name: str,
        request: Message,
        seconds: float,
        lane: Lane = Lane.PAGE,
    ) -> Response:
        """Return the answer to a request, at most `seconds` old. Raises TroubleError.

        `method` gives what to call when it is this call's turn.
        """
        key = name, request.SerializeToString(deterministic=True)
        least = OVERHEAD_BYTES + len(key[1])

        async def load() -> Loaded[Response | Trouble]:
            found = await self._call(method, name, request, lane)
            if isinstance(found, Trouble):
                return Loaded(found, FAILED_SECONDS if found.passing else seconds, least)
            return Loaded(found, seconds, least + MEMORY_FACTOR * found.ByteSize())

        found: Response = await self.remember(key, load)
        return found

    async def remember(
        self, key: object, load: Callable[[], Awaitable[Loaded[Any | Trouble]]]
    ) -> Any:
        """Return what `load` makes, once for all that ask for `key`. Raises TroubleError."""
        found = await self._cache.get(key, load)
        self._metrics.cache_bytes.set(self._cache.size_bytes)
        if isinstance(found, Trouble):
            raise TroubleError(found)
        return found

    async def _call(
        self,
        method: Callable[[], Callable[..., Awaitable[Response]]],
        name: str,
        request: Message,
        lane: Lane,
    ) -> Response | Trouble:
        if self._waiting >= self._max_waiting:
            return BUSY
        self._waiting += 1
        try:
            async with asyncio.timeout(self._timeout):
                if lane is Lane.SIDE:
                    async with self._side_turns:
                        await self._let_pages_go_first()
                        async with self._turns:
                            return await self._now(method, name, request)
                with self._page():
                    async with self._turns:
                        return await self._now(method, name, request)
        except TimeoutError:
            return LATE
        finally:
            self._waiting -= 1

    @contextlib.contextmanager
    def _page(self) -> Iterator[None]:
        self._pages += 1
        self._no_page.clear()
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._no_page.set()

    async def _let_pages_go_first(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COURTESY_SECONDS):
                await self._no_page.wait()

    async def _now(
        self,
        method: Callable[[], Callable[..., Awaitable[Response]]],
        name: str,
        request: Message,
    ) -> Response | Trouble:
        code = "OK"
        try:
            with self._metrics.call_seconds.labels(name).time():
                return await method()(request, timeout=self._timeout)
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            return trouble_of(error.code(), error.details() or "")
        finally:
            self._metrics.calls.labels(name, code).inc()
