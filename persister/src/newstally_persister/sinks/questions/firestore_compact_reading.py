"""Reads parts of a compact database for a question, and counts documents: each is billed."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import aclosing
from datetime import date
from typing import Any, TypeVar

from google.cloud.firestore_v1.types import StructuredQuery

from newstally_persister.sinks.base import PublicationUnknownError
from newstally_persister.sinks.firestore import queries, writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.keys import (
    ALL,
    LAST,
    OUTSIDE,
    beginning_range,
    days_range,
    outside_range,
    total_key,
)
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.compact.rows import Entity, Tallied
from newstally_persister.sinks.firestore.layout import COMPACT
from newstally_persister.sinks.questions.asked import Days, UnansweredError, iso_day
from newstally_persister.sinks.questions.firestore_reading import PUBLICATIONS_LIMIT

_AT_ONCE = 8
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
Result = TypeVar("Result")


class CompactReading:
    """The reads of one question."""

    def __init__(self, client: FirestoreClient, seconds: float, limit: int) -> None:
        self._client = client
        self._seconds = seconds
        self._limit = limit
        self._root = f"{client.documents}/{COMPACT}"
        self._reader = Reader(client, seconds, self._count)
        self.reads = 0
        """Documents read so far; a query that finds none counts as one."""

    async def publication(self, key: str) -> Any:
        """Return the document of a publication. Raises PublicationUnknownError."""
        self._count(1)
        name = writes.publication_name(self._root, key)
        found = await self._client.read(name, self._seconds)
        if found is None:
            raise PublicationUnknownError
        return found

    async def publications(self) -> list[Any]:
        """Return the documents of all publications. Raises UnansweredError where they are many."""
        query = queries.publications(None, PUBLICATIONS_LIMIT + 1)
        # Not only what is listed, but also what of it has a day.
        StructuredQuery.pb(query).ClearField("select")
        async with aclosing(self._client.found(self._root, query, self._seconds)) as stream:
            found = [document async for document in stream]
        self._count(max(1, len(found)))
        if len(found) > PUBLICATIONS_LIMIT:
            raise UnansweredError(
                f"there are more than {PUBLICATIONS_LIMIT} publications, and the Firestore sink"
                " would ask each: name one, or use the SQLite sink"
            )
        return found

    async def chosen(self, key: str | None) -> list[Any]:
        """Return the document of a publication, or of all of them."""
        return await self.publications() if key is None else [await self.publication(key)]

    async def totals(self, publication: Any) -> Tallied:
        """Return the totals of all entities."""
        return await self._reader.between(publication.name, ALL, f"{ALL}{LAST}")

    async def days(self, publication: Any, days: Days) -> Tallied:
        """Return what is known by day within the days, and some more.

        Where one end of them is open, also what has a day that is not known.
        """
        first = _FIRST if days.first is None else max(_FIRST, min(days.first, _LAST))
        last = _LAST if days.last is None else max(_FIRST, min(days.last, _LAST))
        keys = days_range(iso_day(first), iso_day(last))
        found = await self._reader.between(publication.name, *keys)
        is_open = days.first is None or days.last is None
        if is_open and rows.number_of(publication, "outside_articles"):
            outside = await self._reader.between(publication.name, *outside_range())
            # Of other rows it may have a part.
            found.days.update(row for row in outside.days.items() if row[0][0] == OUTSIDE)
        return found

    async def named(self, publication: Any, text: str, label: str) -> Tallied:
        """Return the totals of a text: of the label, or of all labels."""
        if label:
            key = total_key(text, label)
            found = await self._reader.between(publication.name, key, key)
        else:
            found = await self._reader.between(publication.name, *beginning_range(text))
        return _only(found, lambda entity: entity.text == text and label in ("", entity.label))

    async def beginning(self, publication: Any, beginning: str) -> Tallied:
        """Return the totals of the entities whose text begins so."""
        found = await self._reader.between(publication.name, *beginning_range(beginning))
        return _only(found, lambda entity: entity.text.startswith(beginning))

    async def each(self, asked: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
        """Await several of these, some at a time."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(coroutine: Coroutine[Any, Any, Result]) -> Result:
            async with turns:
                return await coroutine

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(coroutine)) for coroutine in asked]
        except ExceptionGroup as errors:
            # The others ended because of it.
            raise errors.exceptions[0] from errors
        return [task.result() for task in tasks]

    def _count(self, reads: int) -> None:
        self.reads += reads
        if self.reads > self._limit:
            raise UnansweredError(
                f"this would read more than {self._limit:,} documents: ask for one publication or"
                " fewer days, or use the SQLite sink"
            )


def _only(found: Tallied, wanted: Callable[[Entity], bool]) -> Tallied:
    return Tallied({each: n for each, n in found.totals.items() if wanted(each)}, found.names)
