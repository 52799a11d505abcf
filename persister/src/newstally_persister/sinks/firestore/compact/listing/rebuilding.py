"""Reads all that a publication's lists are made from, as of one moment.

Many keys at a time, so that a large publication does not fill the memory. What was read belongs
together where the log had the same number of parts each time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import date

from google.cloud.firestore_v1.types import StructuredQuery

from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries
from newstally_persister.sinks.firestore.compact.keys import (
    ALL,
    LAST,
    day_name,
    days_range,
    total_key,
)
from newstally_persister.sinks.firestore.compact.listing.tops import SIZES, Sizes, Top
from newstally_persister.sinks.firestore.compact.listing.tracked import (
    LONGEST,
    Days,
    Tracked,
    days_of,
    number_of_day,
)
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.compact.rows import Tallied
from newstally_persister.sinks.questions.asked import UnansweredError

LEAVES_AT_A_TIME = 12
"""Of which rows are in memory: at most 6 MiB of documents."""
TOTALS_BYTES = 24 * 1024 * 1024
"""Of documents that are in memory at once: leaves, and what is not folded yet."""
DAYS_BYTES = 16 * 1024 * 1024
"""Of documents that know the last days; where they are more, these are not listed."""
AHEAD_DAYS = 1
"""The last day may be tomorrow: it is that already, east of here."""
_FIRST = number_of_day(date.min.isoformat())
_EVERYTHING = (ALL, f"{ALL}{LAST}")
_BEHIND = "0"
"""Makes a key that is behind another one, and before the next."""


class MovedError(SinkError):
    """Parts came while it was read: what was read does not belong together."""

    def __init__(self) -> None:
        super().__init__("a publication changed while its lists were made")


class Rebuilding:
    """Reads one publication."""

    def __init__(
        self, client: FirestoreClient, publication: str, seconds: float, sizes: Sizes = SIZES
    ) -> None:
        """`publication` is the name of its document."""
        self._client = client
        self._publication = publication
        self._seconds = seconds
        self._sizes = sizes
        self._parts: set[int] = set()

    async def read(
        self, since: int | None, limit: int, settled: Callable[[], Awaitable[bool]]
    ) -> Tracked | None:
        """Return what is there; None where `settled`, asked after the log was read, says no.

        `since`: a day that has articles; None: none is known. `limit`: the latest day that may be
        the last one. Raises MovedError.
        """
        top = Top(self._sizes)
        for number, (first, last) in enumerate(await self._ranges()):
            tallied = await self._between(first, last, TOTALS_BYTES)
            if not number and not await settled():
                return None
            await asyncio.to_thread(_offer, top, tallied, first, last)
        days, days_listed = None, True
        try:
            days = await self._days(since, limit)
        except UnansweredError:
            days_listed = False
        if len(self._parts) > 1:
            raise MovedError
        return Tracked(self._parts.pop(), top, days, days_listed)

    async def _ranges(self) -> list[tuple[str, str]]:
        """Return ranges of keys that have some leaves each, and cover all totals."""
        query = queries.leaves(self._publication, *_EVERYTHING)
        name = StructuredQuery.FieldReference(field_path="__name__")
        query.select = StructuredQuery.Projection(fields=[name])
        stream = self._client.found(self._publication, query, self._seconds)
        async with aclosing(stream) as leaves:
            ends = [queries.end_of(leaf) async for leaf in leaves]
        lasts = [*ends[LEAVES_AT_A_TIME - 1 : -1 : LEAVES_AT_A_TIME], f"{ALL}{LAST}"]
        firsts = [ALL, *(f"{end}{_BEHIND}" for end in lasts[:-1])]
        return list(zip(firsts, lasts, strict=True))

    async def _between(self, first: str, last: str, limit_bytes: int) -> Tallied:
        reader = Reader(self._client, self._seconds, limit_bytes=limit_bytes)
        tallied = await reader.between(self._publication, first, last)
        self._parts.add(reader.parts)
        return tallied

    async def _days(self, since: int | None, limit: int) -> Days | None:
        """Return the last days. Raises UnansweredError where they are too much."""
        first = (since or limit - LONGEST) - LONGEST + 1
        while True:
            keys = days_range(day_name(max(first, _FIRST)), day_name(limit))
            tallied = await self._between(*keys, DAYS_BYTES)
            days = await asyncio.to_thread(days_of, tallied, limit, self._sizes)
            if first <= _FIRST or (days is not None and first <= days.last - LONGEST + 1):
                return days
            first = _FIRST if days is None else days.last - LONGEST + 1


def _offer(top: Top, tallied: Tallied, first: str, last: str) -> None:
    """Offer the totals of a range of keys: others may not be all there."""
    everything = (first, last) == _EVERYTHING
    for entity, counts in tallied.totals.items():
        if everything or first <= total_key(*entity) <= last:
            top.offer(entity, counts[0], counts[1], tallied.names.get(entity, ""))
