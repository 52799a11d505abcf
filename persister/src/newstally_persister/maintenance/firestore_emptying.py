"""Deletes every document that the sink made, at a bounded rate."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from newstally_persister.maintenance.firestore_commits import (
    COMMIT_SECONDS,
    READ_SECONDS,
    in_halves,
)
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.listing.documents import LISTS
from newstally_persister.sinks.firestore.compact.queries import TALLIES
from newstally_persister.sinks.firestore.layout import COMPACT, MARKS, RECEIPTS
from newstally_persister.sinks.firestore.writes import ENTITIES, PUBLICATIONS, Write

DELETES_AT_A_TIME = 200
IN_PUBLICATION = {"documents": (ENTITIES,), "compact": (TALLIES, LISTS)}
"""The collections of a layout below each publication."""
AT_ROOT = {"documents": (RECEIPTS,), "compact": (RECEIPTS, LISTS)}
"""Those at its root, beside publications and marks. The database may have others of these names."""
Names = Callable[[str, str], AsyncIterator[list[str]]]
"""Yields names of all documents below a parent, in a collection. Each once: a document that has
foreign ones below keeps its name, however often it is deleted."""


async def empty_database(
    client: FirestoreClient, per_second: int, on_progress: Callable[[int], None] = lambda _: None
) -> int:
    """Delete marks, entities, publications and receipts; return how many documents there were.

    Doing it again goes on where it was. Raises GoogleAPICallError.
    """
    deleted = 0

    async def delete(names: Sequence[str]) -> None:
        nonlocal deleted
        begun = asyncio.get_running_loop().time()
        await client.commit([_delete(name) for name in names], COMMIT_SECONDS)
        deleted += len(names)
        on_progress(deleted)
        taken = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(max(0.0, len(names) / per_second - taken))

    async for names in _batches(client, min(DELETES_AT_A_TIME, per_second)):
        # Large documents are more than one commit takes.
        await in_halves(names, delete)
    return deleted


async def _batches(client: FirestoreClient, size: int) -> AsyncIterator[list[str]]:
    """Yield the names of documents that are still there; marks first: see maintenance.emptying."""
    compact = f"{client.documents}/{COMPACT}"

    def names(parent: str, collection: str) -> AsyncIterator[list[str]]:
        return client.all_names(parent, collection, size, READ_SECONDS)

    roots = {"documents": client.documents, "compact": compact}
    for root in roots.values():
        async for some in _some(names(root, MARKS)):
            yield some
    for layout, root in roots.items():
        async for some in below(names, root, layout):
            yield some
    if await client.read(compact, READ_SECONDS) is not None:
        yield [compact]


async def below(names: Names, root: str, layout: str) -> AsyncIterator[list[str]]:
    """Yield the names of the documents of a layout, which has this root, to be deleted at once."""
    async for some in _some(names(root, MARKS)):
        yield some
    # A publication goes after its entities: without it nothing would name them.
    async for publications in _some(names(root, PUBLICATIONS)):
        for name in publications:
            for collection in IN_PUBLICATION[layout]:
                async for some in _some(names(name, collection)):
                    yield some
        yield publications
    for collection in AT_ROOT[layout]:
        async for some in _some(names(root, collection)):
            yield some


async def _some(pages: AsyncIterator[list[str]]) -> AsyncIterator[list[str]]:
    async for names in pages:
        if names:
            yield names


def _delete(name: str) -> Any:
    return Write(delete=name)
