"""Reads whole documents for a question, and counts them: each is billed."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery, Value

from newstally_persister.sinks.base import EntityPosition, PublicationUnknownError
from newstally_persister.sinks.firestore import queries, writes
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.ids import entity_id
from newstally_persister.sinks.questions.asked import UnansweredError

READS_LIMIT = 5_000
"""Documents that one question reads."""
PUBLICATIONS_LIMIT = 100
"""Publications that are asked one by one."""
_AT_A_TIME = 250
_AT_ONCE = 8
_ID_BYTES = 600
"""So much of a beginning is looked for by id; the rest is compared."""
_ESCAPED_FIRST = {"_": "%5F", ".": "%2E"}
_LOWEST = " "
_AFTER_ALL = "\U0010ffff"
_FieldFilter = StructuredQuery.FieldFilter


class Reading:
    """The reads of one question."""

    def __init__(self, client: FirestoreClient, seconds: float, limit: int = READS_LIMIT) -> None:
        self._client = client
        self._seconds = seconds
        self._limit = limit
        self.reads = 0
        """Documents read so far; a query that finds none counts as one."""

    async def publication(self, key: str) -> Any:
        """Return the document of a publication. Raises PublicationUnknownError."""
        found = await self._document(writes.publication_name(self._client.documents, key))
        if found is None:
            raise PublicationUnknownError
        return found

    async def publications(self) -> list[Any]:
        """Return the documents of all publications. Raises UnansweredError where they are many."""
        query = queries.publications(None, PUBLICATIONS_LIMIT + 1)
        found = await self._found(self._client.documents, query)
        if len(found) > PUBLICATIONS_LIMIT:
            raise UnansweredError(
                f"there are more than {PUBLICATIONS_LIMIT} publications, and the Firestore sink"
                " would ask each: name one, or use the SQLite sink"
            )
        return found

    async def entities(self, publication: Any, label: str) -> AsyncIterator[Any]:
        """Yield a publication's entities, those with most mentions first.

        Raises UnansweredError behind the last that may be read.
        """
        after: EntityPosition | None = None
        while True:
            query = queries.entities(label, after, _AT_A_TIME)
            some = await self._found(publication.name, query)
            for document in some:
                yield document
            if len(some) < _AT_A_TIME:
                return
            last = fields(some[-1])
            after = (last["mentions"], last["text"], last["label"])

    async def named(self, publication: Any, text: str, label: str) -> list[Any]:
        """Return the entities of a text: that of the label, or those of all labels."""
        if label:
            name = f"{publication.name}/{writes.ENTITIES}/{entity_id(text, label)}"
            found = await self._document(name)
            return [] if found is None else [found]
        some = await self.beginning(publication, text)
        return [document for document in some if fields(document)["text"] == text]

    async def beginning(self, publication: Any, beginning: str) -> list[Any]:
        """Return the entities whose text begins so. Raises UnansweredError where they are many."""
        # Ids are the texts, but for what is escaped; and a text is told apart by its field.
        within = entity_id("x" + beginning, "x").removeprefix("x").removesuffix("|x")
        start = within.encode()[:_ID_BYTES].decode(errors="ignore")
        starts = {start}
        # At the beginning of a text these are escaped or not, by what follows.
        if start[:1] in _ESCAPED_FIRST:
            starts.add(_ESCAPED_FIRST[start[:1]] + start[1:])
        found = []
        for start in sorted(starts):
            found += await self._found(publication.name, self._between(publication.name, start))
        return [each for each in found if fields(each)["text"].startswith(beginning)]

    async def each(self, asked: Iterable[Any]) -> list[list[Any]]:
        """Await several of these, some at a time. Raises what the first of them raises."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(coroutine: Any) -> list[Any]:
            async with turns:
                found: list[Any] = await coroutine
                return found

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(coroutine)) for coroutine in asked]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    def _between(self, publication: str, start: str) -> StructuredQuery:
        collection = f"{publication}/{writes.ENTITIES}"
        reference = StructuredQuery.FieldReference(field_path="__name__")
        bounds = [
            StructuredQuery.Filter(
                field_filter=_FieldFilter(
                    field=reference,
                    op=operator,
                    value=Value(reference_value=f"{collection}/{end}"),
                )
            )
            for operator, end in (
                # An id goes on behind its start; and the start alone may be none, as "." is.
                (_FieldFilter.Operator.GREATER_THAN_OR_EQUAL, start + _LOWEST),
                (_FieldFilter.Operator.LESS_THAN, start + _AFTER_ALL),
            )
        ]
        return StructuredQuery(
            from_=[StructuredQuery.CollectionSelector(collection_id=writes.ENTITIES)],
            where=StructuredQuery.Filter(
                composite_filter=StructuredQuery.CompositeFilter(
                    op=StructuredQuery.CompositeFilter.Operator.AND, filters=bounds
                )
            ),
            order_by=[
                StructuredQuery.Order(
                    field=reference, direction=StructuredQuery.Direction.ASCENDING
                )
            ],
            limit=max(1, self._limit - self.reads + 1),
        )

    async def _document(self, name: str) -> Any:
        self._count(1)
        return await self._client.read(name, self._seconds)

    async def _found(self, parent: str, query: StructuredQuery) -> list[Any]:
        found = []
        # All of the document: what is listed otherwise leaves out the days.
        StructuredQuery.pb(query).ClearField("select")
        async with aclosing(self._client.found(parent, query, self._seconds)) as stream:
            async for document in stream:
                self._count(1)
                found.append(document)
        if not found:
            self._count(1)
        return found

    def _count(self, reads: int) -> None:
        self.reads += reads
        if self.reads > self._limit:
            raise UnansweredError(
                f"this would read more than {self._limit:,} documents: ask for one label, for fewer"
                " entities or a longer beginning, or use the SQLite sink"
            )
