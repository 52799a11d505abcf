"""Answers that take much memory take turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from newstally_persister.sinks.base import SinkBusyError

AT_ONCE = 2
"""32 MiB of documents become some 280 MB of rows: twice that fits into 1 GiB, beside the rest."""
WAIT_SECONDS = 2.0
"""For so long one waits: with a read after it, less than the deadline of a question."""


class Turns:
    """So many at once."""

    def __init__(self, at_once: int = AT_ONCE, seconds: float = WAIT_SECONDS) -> None:
        """A turn is waited for so many seconds."""
        self._free = asyncio.Semaphore(at_once)
        self._seconds = seconds

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it. Raises SinkBusyError."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise SinkBusyError("too many answers are read") from error
        try:
            yield
        finally:
            self._free.release()
