"""Reads what TallyService lists."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Item,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    PublicationUnknownError,
)
from newstally_persister.sinks.firestore import queries, writes
from newstally_persister.sinks.firestore.answering import Answering
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection


class Lists:
    """Pages of publications and entities. Each read is tried once: the client tries again."""

    def __init__(self, connection: Connection, read_seconds: float) -> None:
        self._turn = connection.turns.take
        self._client = Answering(connection).use
        self._read_seconds = read_seconds

    def root(self, client: FirestoreClient) -> str:
        """Return what the names of publications begin with."""
        return client.documents

    async def publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Sink.list_publications."""
        async with self._client() as client:
            return await self._page(
                client.query(
                    self.root(client),
                    queries.publications(after, limits.items + 1),
                    self._read_seconds,
                ),
                limits,
                lambda found: PublicationTally(
                    found["key"],  # what the list is ordered by
                    found["name"],
                    found["mentions"],
                    found["articles"],
                ),
                lambda tally: tally.key + tally.name,
            )

    async def entities(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies."""
        async with self._client() as client:
            publication = writes.publication_name(client.documents, publication_key)
            page = await self._page(
                client.query(
                    publication,
                    queries.entities(label, after, limits.items + 1),
                    self._read_seconds,
                ),
                limits,
                lambda found: EntityTally(
                    found["text"],
                    found["label"],
                    found["mentions"],
                    found["articles"],
                    found.get("name", ""),
                ),
                lambda tally: tally.text + tally.label + tally.name,
            )
            if not page.items and await client.read(publication, self._read_seconds) is None:
                raise PublicationUnknownError
            return page

    async def _page(
        self,
        stream: AsyncGenerator[dict[str, Any], None],
        limits: PageLimits,
        read: Callable[[dict[str, Any]], Item],
        texts: Callable[[Item], str],
    ) -> Page[Item]:
        items: list[Item] = []
        size = 0
        async with aclosing(stream) as found:
            async for fields in found:
                item = read(fields)
                size += len(texts(item).encode())
                if items and (len(items) == limits.items or size > limits.size_bytes):
                    return Page(items, more=True)
                items.append(item)
        return Page(items, more=False)
