"""The compact layout with its lists."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.compact.listing.answers import ListedAnswers
from newstally_persister.sinks.firestore.compact.listing.keeper import (
    EVERY_SECONDS,
    REST,
    ListKeeper,
)
from newstally_persister.sinks.firestore.compact.listing.storing import Send
from newstally_persister.sinks.firestore.compact.listing.tops import SIZES, Sizes
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import Window
from newstally_persister.sinks.firestore.layout import Listing
from newstally_persister.values.parts import Part


class ListedLayout(CompactLayout):
    """A log and some leaves for each publication, and lists beside them."""

    def __init__(
        self,
        send: Send,
        read_seconds: float,
        limits: FoldLimits = LIMITS,
        *,
        clock: Callable[[], float] = time.monotonic,
        every_seconds: float = EVERY_SECONDS,
        sizes: Sizes = SIZES,
        rest: float = REST,
    ) -> None:
        """`send` sends the commits of folds and lists."""
        super().__init__(send, read_seconds, limits)
        self.keeper = ListKeeper(send, read_seconds, clock, every_seconds, sizes, rest)
        """Of the lists."""
        self._root = ""

    def lists(self, connection: Connection, read_seconds: float) -> Listing:
        """See Layout.lists."""
        return ListedAnswers(connection, read_seconds)

    @asynccontextmanager
    async def writing(
        self, client: FirestoreClient, part: Part, kept: Window
    ) -> AsyncIterator[list[Any]]:
        """See Layout.writing."""
        self._root = self.root(client)
        await self.keeper.attempting(self._root, part)
        async with super().writing(client, part, kept) as rows:
            yield rows

    def applied(self, part: Part, rows: Sequence[Any], results: Sequence[Any]) -> None:
        """See Layout.applied."""
        if self._root:
            self.keeper.applied(self._root, part, rows, results)

    def completed(self, journal_id: str, flush: int) -> None:
        """See Layout.completed."""
        self.keeper.completed(journal_id, flush)

    async def keep(self, connection: Connection) -> None:
        """See Layout.keep."""
        await self.keeper.keep(connection)
