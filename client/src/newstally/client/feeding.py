"""Brings articles from the caller's thread to the client's event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

_WAITING = 256
"""Articles between the threads, beside those in the window of the upload."""


T = TypeVar("T")


class Feed(Generic[T]):
    """Things, articles say, that one thread gives and an event loop takes, few at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._articles: deque[T] = deque()
        self._ended = False
        self._error: BaseException | None = None
        self._taken = True
        """Somebody takes; False when the upload is over."""
        self._wake = asyncio.Event()

    def give(self, article: T) -> bool:
        """Wait for room and give an article; False if nobody takes it any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._articles) < _WAITING or not self._taken)
            self._articles.append(article)
            first = len(self._articles) == 1
        if first:
            self._loop.call_soon_threadsafe(self._wake.set)
        return self._taken

    def end(self, error: BaseException | None = None) -> None:
        """There are no more articles: `error` is raised behind the last one."""
        with self._changed:
            self._ended, self._error = True, error
        self._loop.call_soon_threadsafe(self._wake.set)

    def leave(self) -> None:
        """Nobody takes articles any more."""
        with self._changed:
            self._taken = False
            self._changed.notify_all()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            self._wake.clear()
            with self._changed:
                taken, self._articles = self._articles, deque()
                ended = self._ended
                self._changed.notify_all()
            for article in taken:
                yield article
            if ended and not taken:
                if self._error is not None:
                    raise self._error
                return
            if not taken:
                await self._wake.wait()
