"""What questions to Firestore have in common, whatever the layout: their bounds, and their reads.

Documents are counted: each is billed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, TypeVar

from google.cloud.firestore_v1.types import StructuredQuery

from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PublicationUnknownError
from newstally_persister.sinks.firestore import queries, writes
from newstally_persister.sinks.firestore.answering import Answering
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.questions.asked import UnansweredError

READ_SECONDS = 8.0
"""How long one read may take: below the deadline of a question at the gateway."""
READS_LIMIT = 5_000
"""Documents that one question reads."""
PUBLICATIONS_LIMIT = 100
"""Publications that are asked one by one."""
_AT_ONCE = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


class Reads:
    """The reads of one question."""

    instead: str
    """What to do where they would be too many."""

    def __init__(self, client: FirestoreClient, seconds: float, limit: int = READS_LIMIT) -> None:
        self._client = client
        self._seconds = seconds
        self._limit = limit
        self.reads = 0
        """Documents read so far; a query that finds none counts as one."""

    @property
    def root(self) -> str:
        """What the names of publications begin with."""
        return self._client.documents

    async def publication(self, key: str) -> Any:
        """Return the document of a publication. Raises PublicationUnknownError."""
        found = await self._document(writes.publication_name(self.root, key))
        if found is None:
            raise PublicationUnknownError
        return found

    async def publications(self) -> list[Any]:
        """Return the documents of all publications. Raises UnansweredError where they are many."""
        query = queries.publications(None, PUBLICATIONS_LIMIT + 1)
        found = await self._found(self.root, query)
        if len(found) > PUBLICATIONS_LIMIT:
            raise UnansweredError(
                f"there are more than {PUBLICATIONS_LIMIT} publications, and the Firestore sink"
                " would ask each: name one, or use the SQLite sink"
            )
        return found

    async def chosen(self, key: str | None) -> list[Any]:
        """Return the document of a publication, or of all of them."""
        return await self.publications() if key is None else [await self.publication(key)]

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
                f"this would read more than {self._limit:,} documents: {self.instead}"
            )


Kind = TypeVar("Kind", bound=Reads)


class Asking(Generic[Kind]):
    """Lets questions read."""

    kind: type[Kind]
    """How they read."""

    def __init__(
        self,
        connection: Connection,
        metrics: Metrics,
        read_seconds: float = READ_SECONDS,
        reads: int = READS_LIMIT,
    ) -> None:
        """A question reads at most so many documents."""
        self._turn = connection.turns.take
        self._client = Answering(connection).use
        self._metrics = metrics
        self._read_seconds = read_seconds
        self._reads = reads

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Kind]:
        async with self._client() as client:
            reading = self.kind(client, self._read_seconds, self._reads)
            try:
                yield reading
            finally:
                self._metrics.question_reads.inc(reading.reads)


async def ask_each(items: Iterable[Item], ask: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Ask about each, some at a time. Raises what the first raises that fails.

    A call begins in its turn: of those that the error comes before, nothing is left unawaited.
    """
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Item) -> Result:
        async with turns:
            return await ask(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except ExceptionGroup as errors:
        # The others ended because of it.
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
