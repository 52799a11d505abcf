"""In which documents tallies stand: what differs between a database's layouts.

Receipts and marks are the same in each, below the layout's root. A database keeps the layout that
it was begun with: the layouts share no document, and each looks for the other one before it begins.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, Protocol

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Page,
    PageLimits,
    PermanentSinkError,
    PublicationPosition,
    PublicationTally,
)
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import Window
from newstally_persister.sinks.firestore.lists import Lists
from newstally_persister.values.parts import Part, PartLimits

MARKS = "journals"
RECEIPTS = "flushes"
COMPACT = "newstally/compact"
"""The document that says which layout a database has; without it, it is `documents`. Everything of
a compact database is below."""
MIGRATION = "migration"
"""Its field that is there while the layout is changed; see maintenance.migration."""


def layout_of(found: Any) -> Literal["documents", "compact"]:
    """Return which layout is in force, from that document."""
    return "documents" if fields(found).get("layout") == "documents" else "compact"


def check_layout(found: Any, own: str) -> None:
    """Raise PermanentSinkError where this document says that the database has another layout."""
    if MIGRATION in found.fields:
        stage = found.fields[MIGRATION].map_value.fields["stage"].string_value
        if stage in ("clearing", "copying"):
            raise PermanentSinkError(
                "the layout of this database is being changed",
                "say `newstally-persister migrate-store` again, until it is done",
            )
    if (layout := layout_of(found)) != own:
        raise PermanentSinkError(
            f"this database has the layout `{layout}`",
            f"set --firestore-layout {layout}, or --firestore-database to another one; or lead it"
            f" to `{own}` with `newstally-persister migrate-store`",
        )


class Listing(Protocol):
    """Pages of publications and entities; see `base.Sink`."""

    async def publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Sink.list_publications."""
        ...

    async def entities(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies."""
        ...


class Layout(Protocol):
    """Where tallies, receipts and marks of one database stand."""

    def root(self, client: FirestoreClient) -> str:
        """Return what the name of each document begins with."""
        ...

    def part_limits(self, part_writes: int) -> PartLimits:
        """Return limits under which Firestore takes every part."""
        ...

    def lists(self, connection: Connection, read_seconds: float) -> Listing:
        """Return what lists tallies."""
        ...

    async def check(self, client: FirestoreClient, seconds: float) -> None:
        """Raise PermanentSinkError where the database was begun with another layout."""
        ...

    def writing(
        self, client: FirestoreClient, part: Part, kept: Window
    ) -> AbstractAsyncContextManager[list[Any]]:
        """Make room for a part's rows, and give the writes that add them, to be sent meanwhile."""
        ...

    def make_room(self, client: FirestoreClient, part: Part) -> bool:
        """Let there be all the room that can be when a part is written next that was refused.

        Returns False where that makes no difference.
        """
        ...

    @property
    def due(self) -> bool:
        """Whether there is something to tend to."""
        return False

    async def tend(self, client: FirestoreClient) -> None:
        """Do what parts need not wait for. Once it fails, it is due again."""
        del client

    def applied(self, part: Part, rows: Sequence[Any], results: Sequence[Any]) -> None:
        """Note that a part is applied: by these writes of its rows, with these results.

        Without either: it is, but by a commit whose answer is not known.
        """
        del part, rows, results

    def completed(self, journal_id: str, flush: int) -> None:
        """Note that all parts of a flush, and of all before it, are applied or voided."""
        del journal_id, flush

    async def keep(self, connection: Connection) -> None:
        """Keep copies that are derived from tallies; see Sink.keep."""
        del connection


class DocumentsLayout(Layout):
    """A document for each publication and each entity; see `sink`."""

    def root(self, client: FirestoreClient) -> str:
        """See Layout.root."""
        return client.documents

    def part_limits(self, part_writes: int) -> PartLimits:
        """See Layout.part_limits."""
        return writes.part_limits(part_writes)

    def lists(self, connection: Connection, read_seconds: float) -> Listing:
        """See Layout.lists."""
        return Lists(connection, read_seconds)

    async def check(self, client: FirestoreClient, seconds: float) -> None:
        """See Layout.check."""
        found = await client.read(f"{client.documents}/{COMPACT}", seconds)
        if found is not None:
            check_layout(found, "documents")

    @asynccontextmanager
    async def writing(
        self, client: FirestoreClient, part: Part, kept: Window
    ) -> AsyncIterator[list[Any]]:
        """See Layout.writing."""
        yield writes.row_writes(client.documents, part, kept)

    def make_room(self, client: FirestoreClient, part: Part) -> bool:
        """See Layout.make_room."""
        del client, part
        return False
