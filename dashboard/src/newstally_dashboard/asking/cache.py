"""Answers that are used again for some seconds, and questions that are asked once at a time."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

V = TypeVar("V")


class Source(StrEnum):
    """Where an answer comes from."""

    CACHE = "cache"
    JOINED = "joined"
    """Somebody had asked the same already."""
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[V]):
    """An answer, how long it is good for (0: it is not kept), and what it takes."""

    value: V
    seconds: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Kept(Generic[V]):
    value: V
    until: float
    size_bytes: int


class Cache(Generic[V]):
    """Keeps answers by their questions; those unused for longest go first when it is full."""

    def __init__(
        self,
        limit_bytes: int,
        clock: Callable[[], float],
        on_asked: Callable[[Source], None] = lambda _: None,
    ) -> None:
        """`clock` gives seconds that only grow; `on_asked` is told of each question."""
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._on_asked = on_asked
        self._kept: OrderedDict[Hashable, _Kept[V]] = OrderedDict()
        self._loading: dict[Hashable, asyncio.Task[V]] = {}
        self.size_bytes = 0
        """What the kept answers take."""

    async def get(self, key: Hashable, load: Callable[[], Awaitable[Loaded[V]]]) -> V:
        """Return what is kept for `key`, or what `load` brings.

        `load` goes on when the caller is cancelled: the answer is kept for the next one. What it
        raises is raised for all that wait, and not kept.
        """
        kept = self._kept.get(key)
        if kept is not None and kept.until > self._clock():
            self._kept.move_to_end(key)
            self._on_asked(Source.CACHE)
            return kept.value
        task = self._loading.get(key)
        self._on_asked(Source.GATEWAY if task is None else Source.JOINED)
        if task is None:
            task = asyncio.create_task(self._load(key, load), name="question")
            self._loading[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what is being loaded, and wait for it."""
        loading = list(self._loading.values())
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[Loaded[V]]]) -> V:
        loaded = await load()
        self._keep(key, loaded)
        return loaded.value

    def _done(self, key: Hashable, task: asyncio.Task[V]) -> None:
        del self._loading[key]
        if not task.cancelled():
            task.exception()  # taken, also where nobody waits any more

    def _keep(self, key: Hashable, loaded: Loaded[V]) -> None:
        self._forget(key)
        if loaded.size_bytes > self._limit_bytes or loaded.seconds <= 0:
            return
        until = self._clock() + loaded.seconds
        self._kept[key] = _Kept(loaded.value, until, loaded.size_bytes)
        self.size_bytes += loaded.size_bytes
        while self.size_bytes > self._limit_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size_bytes -= kept.size_bytes
