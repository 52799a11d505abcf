"""Reads what TallyService lists of a compact database."""

import heapq

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Page,
    PageLimits,
    PublicationUnknownError,
)
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.keys import ALL, LAST
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.layout import COMPACT
from newstally_persister.sinks.firestore.lists import Lists
from newstally_persister.sinks.sqlite_rows import page


class CompactLists(Lists):
    """Pages of publications, which are as in the other layout, and of entities."""

    def root(self, client: FirestoreClient) -> str:
        """Return what the names of publications begin with."""
        return f"{client.documents}/{COMPACT}"

    async def entities(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies."""
        async with self._turn(), self._client() as client:
            name = writes.publication_name(self.root(client), publication_key)
            reader = Reader(client, self._read_seconds)
            tallied = await reader.between(name, ALL, f"{ALL}{LAST}")
            if not tallied.totals and await client.read(name, self._read_seconds) is None:
                raise PublicationUnknownError
        wanted = [
            EntityTally(*entity, counts[0], counts[1], tallied.names.get(entity, ""))
            for entity, counts in tallied.totals.items()
            if label in ("", entity.label)
        ]
        if after is not None:
            wanted = [each for each in wanted if _order(each) > (-after[0], *after[1:])]
        found = heapq.nsmallest(limits.items + 1, wanted, key=_order)
        return page(found, lambda tally: tally.text + tally.label + tally.name, limits)


def _order(tally: EntityTally) -> tuple[int, str, str]:
    return -tally.mentions, tally.text, tally.label
