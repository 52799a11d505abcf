"""The compact layout; see `rows`.

    newstally/compact                        {layout, version}: that the database has this layout
    newstally/compact/journals/{journal}     marks, and
    newstally/compact/flushes/{part}         receipts, as in the other layout
    newstally/compact/publications/{id}      {name, key, mentions, articles, dated_mentions,
                                              dated_articles}
    .../publications/{id}/tallies/log        what parts brought since it was closed
    .../publications/{id}/tallies/head       which segments wait to be folded
    .../publications/{id}/tallies/segment~.. what logs held that were closed
    .../publications/{id}/tallies/all~{end}  leaves: totals of entities
    .../publications/{id}/tallies/days~{end} leaves: what they have by day

A part adds one element to the log of each publication that it changes, in the commit of its
receipt; nothing has to be read for that but how large the log is, now and then. Before a log gets
too large it is closed, see `closing`, and later folded into leaves, see `folding`. Nothing of it is
known to an older release, which refuses a journal whose mark it does not find.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from newstally_persister.sinks.base import (
    PermanentSinkError,
)
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.folding import DOCUMENT_BYTES, LIMITS, FoldLimits
from newstally_persister.sinks.firestore.compact.folds import Send
from newstally_persister.sinks.firestore.compact.head import VERSION, check_version, read_head
from newstally_persister.sinks.firestore.compact.lists import CompactLists
from newstally_persister.sinks.firestore.compact.logs import Logs
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import Window
from newstally_persister.sinks.firestore.layout import (
    COMPACT,
    MARKS,
    Layout,
    Listing,
    check_layout,
)
from newstally_persister.values.parts import Part, PartLimits, PublicationRow, Row

PART_BYTES = 600 * 1024
"""What a part adds to logs, at most, as its rows are weighed."""
PUBLICATION_BYTES = 8 * 1024
"""What a publication weighs in a part: two documents are written for it. 75 fit."""
ROWS_PER_WRITE = 4
"""Rows in a part for each write that it may have in the other layout."""
_HEADS_AT_A_TIME = 100
"""Read at a start."""


class CompactLayout(Layout):
    """A log and some leaves for each publication."""

    def __init__(self, send: Send, read_seconds: float, limits: FoldLimits = LIMITS) -> None:
        """`send` sends the commits of folds."""
        self._limits = limits
        self.logs = Logs(send, read_seconds, limits)
        """Of the publications."""
        self._begun = False
        self._read_seconds = read_seconds
        self._looked = False

    def root(self, client: FirestoreClient) -> str:
        """See Layout.root."""
        return f"{client.documents}/{COMPACT}"

    def part_limits(self, part_writes: int) -> PartLimits:
        """See Layout.part_limits."""
        size = min(PART_BYTES, self._limits.log_bytes * 2 // 3)
        return PartLimits(rows=ROWS_PER_WRITE * part_writes, size_bytes=size, weigh=weigh)

    def lists(self, connection: Connection, read_seconds: float) -> Listing:
        """See Layout.lists."""
        return CompactLists(connection, read_seconds)

    async def check(self, client: FirestoreClient, seconds: float) -> None:
        """See Layout.check."""
        found = await client.read(self.root(client), seconds)
        if found is not None:
            check_layout(found, "compact")
            check_version(rows.number_of(found, "version"))
        elif await client.names(client.documents, MARKS, 1, seconds):
            raise PermanentSinkError(
                "this database has the layout `documents`",
                "set --firestore-layout documents, or --firestore-database to another one; or lead"
                " it to `compact` with `newstally-persister migrate-store`",
            )
        self._begun = found is not None

    @asynccontextmanager
    async def writing(
        self, client: FirestoreClient, part: Part, kept: Window
    ) -> AsyncIterator[list[Any]]:
        """See Layout.writing."""
        del kept  # everything is kept by day
        root = self.root(client)
        async with self.logs.room(client, _incoming(root, part)):
            made = part_writes(root, part)
            if not self._begun:
                # It may be begun: by an attempt without an answer, or by somebody else.
                await self.check(client, self._read_seconds)
            if not self._begun:
                made.append(_begin(root))
            yield made
            self._begun = True

    def make_room(self, client: FirestoreClient, part: Part) -> bool:
        """See Layout.make_room."""
        self.logs.empty(_incoming(self.root(client), part))
        return True

    @property
    def due(self) -> bool:
        """See Layout.due."""
        return not self._looked or self.logs.due

    async def tend(self, client: FirestoreClient) -> None:
        """See Layout.tend."""
        if not self._looked:
            await self._look(client)
            self._looked = True
        await self.logs.tend(client)

    async def _look(self, client: FirestoreClient) -> None:
        """Find the publications of which segments were due when an earlier process ended."""
        pages = client.all_names(
            self.root(client), writes.PUBLICATIONS, _HEADS_AT_A_TIME, self._read_seconds
        )
        async with aclosing(pages) as found:
            async for names in found:
                heads = {queries.head_name(name): name for name in names}
                stored = await client.read_many([*heads], self._read_seconds)
                for head_name, document in stored.items():
                    self.logs.note(heads[head_name], read_head(document))


def weigh(row: Row) -> int:
    """Return what a row takes of a part, in bytes."""
    own = PUBLICATION_BYTES if isinstance(row, PublicationRow) else 0
    return own + rows.row_bytes(row)


def part_writes(root: str, part: Part) -> list[Any]:
    """Return the writes of a part's rows."""
    made = []
    for publication in part.publications:
        write = writes.publication_write(root, publication)
        if publication.days:
            dated = [sum(day[n] for day in publication.days) for n in (1, 2)]
            writes.add_days(write, zip(("dated_mentions", "dated_articles"), dated, strict=True))
        made.append(write)
    for name, some in _by_publication(root, part).items():
        write = writes.Write()
        write.update.name = queries.log_name(name)
        # A merge that names no field: the transform alone changes something.
        write.update_mask.SetInParent()
        transform = write.update_transforms.add()
        transform.field_path = "log"
        # Each element has the part's id, so none is taken for one that is there.
        transform.append_missing_elements.values.append(
            rows.element(part.id, rows.tally_rows(some))
        )
        # Its result tells whether somebody else added a part in between; see `listing`.
        counted = write.update_transforms.add()
        counted.field_path = "parts"
        counted.increment.integer_value = 1
        made.append(write)
    return made


def _begin(root: str) -> Any:
    """Return the write that begins a database; one that comes late changes nothing."""
    write = writes.Write()
    write.current_document.exists = False
    write.update.name = root
    write.update.fields["layout"].string_value = "compact"
    write.update.fields["version"].integer_value = VERSION
    return write


def _incoming(root: str, part: Part) -> Mapping[str, int]:
    """Return what a part adds to each log, in bytes, by the publication's name."""
    return {
        name: DOCUMENT_BYTES + sum(map(rows.row_bytes, some))
        for name, some in _by_publication(root, part).items()
    }


def _by_publication(root: str, part: Part) -> dict[str, list[Row]]:
    """Return the rows that go into logs, by the publication's name."""
    found: dict[str, list[Row]] = {}
    for publication in part.publications:
        if publication.days:
            name = writes.publication_name(root, publication.key)
            found.setdefault(name, []).append(publication)
    for entity in part.entities:
        name = writes.publication_name(root, entity.publication_key)
        found.setdefault(name, []).append(entity)
    return found
