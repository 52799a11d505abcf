"""The task that does what parts need not wait for."""

import asyncio
import contextlib

import structlog

from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.layout import Layout

log = structlog.get_logger()


class Tending:
    """One task at a time, for one layout. For one event loop."""

    def __init__(self, connection: Connection, layout: Layout) -> None:
        self._connection = connection
        self._layout = layout
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, if something is due and nothing under way."""
        if self._layout.due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._tend())

    async def close(self) -> None:
        """Let go of what is under way: the next process goes on with it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _tend(self) -> None:
        try:
            async with self._connection.use() as client:
                await self._layout.tend(client)
        except SinkError as error:
            # It is due again with the next part, which waits for it once it has to.
            log.warning("folding fails", error=str(error), remedy="none needed: tried again")
