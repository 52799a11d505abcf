"""The task that does what parts need not wait for."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from newstally_protos.backoff import Backoff

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.errors import decide
from newstally_persister.sinks.firestore.layout import Layout

log = structlog.get_logger()

Tell = Callable[[SinkError | None], None]
"""Told what is wrong with what is done beside parts; None: it works again."""


class Tending:
    """One task at a time, for one layout. For one event loop."""

    def __init__(
        self, connection: Connection, layout: Layout, tell: Tell, backoff: Backoff
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._tell = tell
        self._backoff = backoff
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, if something is due and nothing under way."""
        if self._layout.due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._tend(), name="tending")

    async def close(self) -> None:
        """Let go of what is under way: the next process goes on with it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _tend(self) -> None:
        """Do all that is due, however often it fails."""
        failures = 0
        shown = ""
        while True:
            try:
                async with self._connection.use() as client:
                    await self._layout.tend(client)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                decided = decide(error)
            else:
                break
            failures += 1
            remedy = "none needed: tried again"
            if isinstance(decided, PermanentSinkError):
                remedy = decided.remedy
            if str(decided) != shown:
                shown = str(decided)
                log.warning("folding fails", error=shown, remedy=remedy, parts="go on")
            # Once is no trouble: two persisters that fold one publication are in each other's way.
            if isinstance(decided, PermanentSinkError) or failures > 1:
                self._tell(decided)
            await asyncio.sleep(self._backoff.next_seconds())
        self._backoff.reset()
        if failures:
            log.info("folding works again", failures=failures)
            self._tell(None)
