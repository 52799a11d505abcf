"""Publications that an older rule told apart: which there are, and how two become one.

Each commit adds some tallies to the one and deletes them from the other, if they are still as they
were read. So a run that is broken off has moved each tally wholly or not at all, and the next one
goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from newstally_persister.maintenance.firestore_commits import COMMIT_SECONDS, READ_SECONDS
from newstally_persister.sinks.firestore import days, writes
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.layout import COMPACT, check_layout, layout_of
from newstally_persister.values.keys import publication_key
from newstally_persister.values.parts import EntityRow, PublicationRow

DOCUMENTS_AT_A_TIME = 200


async def find_root(client: FirestoreClient) -> str:
    """Return what the names of the database's documents begin with.

    Raises PermanentSinkError while its layout is being changed.
    """
    compact = f"{client.documents}/{COMPACT}"
    found = await client.read(compact, READ_SECONDS)
    if found is None:
        return client.documents
    check_layout(found, layout_of(found))
    return client.documents if layout_of(found) == "documents" else compact


async def find_collisions(client: FirestoreClient, root: str) -> dict[str, list[str]]:
    """Return the older keys of publications of which there is also today's, by today's key.

    Where there is none of today's form, the first of the others stands for it. `root` is what the
    names of the database's documents begin with, in its layout.
    """
    spellings: dict[str, set[str]] = {}
    pages = client.pages(root, writes.PUBLICATIONS, DOCUMENTS_AT_A_TIME, READ_SECONDS)
    async for page in pages:
        for document in page:
            key = fields(document).get("key", "")
            # What is too long to be its own order key is told by its beginning and a hash.
            if document.name == writes.publication_name(root, key):
                spellings.setdefault(publication_key(key), set()).add(key)
    return {
        normal if normal in keys else min(keys): sorted(
            keys - {normal if normal in keys else min(keys)}
        )
        for normal, keys in spellings.items()
        if len(keys) > 1
    }


async def merge(
    client: FirestoreClient,
    collisions: Mapping[str, Sequence[str]],
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Move the tallies of each older key to the one that stays; return how many were moved.

    The database has the layout `documents`, and no persister is at work. Raises GoogleAPICallError;
    say it again then.
    """
    moved = 0
    for stays, others in collisions.items():
        for goes in others:
            going = writes.publication_name(client.documents, goes)
            while found := await _some(client, going):
                await _move(client, found, [_entity(client, stays, each) for each in found])
                moved += len(found)
                on_progress(moved)
            document = await client.read(going, READ_SECONDS)
            if document is not None:
                at = fields(document)
                row = PublicationRow(
                    stays, await name_of(client, stays), at["mentions"], at["articles"]
                )
                added = writes.publication_write(client.documents, row)
                writes.add_days(added, days.held(document))
                await _move(client, [document], [added])
    return moved


async def _some(client: FirestoreClient, publication: str) -> list[Any]:
    pages = client.pages(publication, writes.ENTITIES, DOCUMENTS_AT_A_TIME, READ_SECONDS)
    async for page in pages:
        return page
    return []


async def _move(client: FirestoreClient, found: Sequence[Any], added: Sequence[Any]) -> None:
    await client.commit([*added, *map(writes.deleted, found)], COMMIT_SECONDS)


async def name_of(client: FirestoreClient, key: str) -> str:
    """Return what a publication is called, from its key."""
    document = await client.read(writes.publication_name(client.documents, key), READ_SECONDS)
    return str(fields(document)["name"]) if document is not None else key


def _entity(client: FirestoreClient, key: str, document: Any) -> Any:
    """Return the write that adds an entity's document to the one in another publication."""
    found = fields(document)
    row = EntityRow(
        key,
        found["text"],
        found["label"],
        found["mentions"],
        found["articles"],
        found.get("name"),
    )
    write = writes.entity_write(client.documents, row)
    writes.add_days(write, days.held(document))
    return write
