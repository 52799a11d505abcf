"""Copies receipts and tallies, publication after publication, in the order of their names.

A publication is read as a whole into a file, and written from it in order. So a run that goes on
reads at most one publication again, and writes from the place that the note names.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from newstally_persister.maintenance.firestore_commits import READ_SECONDS
from newstally_persister.maintenance.migration import contents, quiet
from newstally_persister.maintenance.migration.note import END, Note
from newstally_persister.maintenance.migration.scratch import Row, Scratch
from newstally_persister.maintenance.migration.steps import Steps
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits
from newstally_persister.sinks.firestore.compact.head import Head, read_head
from newstally_persister.sinks.firestore.compact.keys import ALL, DAYS, LAST
from newstally_persister.sinks.firestore.compact.queries import HEAD, LOG, TALLIES
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION
from newstally_persister.sinks.firestore.days import window
from newstally_persister.sinks.firestore.layout import RECEIPTS
from newstally_persister.sinks.firestore.writes import ENTITIES, PUBLICATIONS

ENTITIES_AT_A_TIME = 300
NAMES_AT_A_TIME = 300
PUBLICATIONS_TOLD = 100
TALLIES_AT_A_TIME = 8
"""Documents of up to 1 MiB."""
NAMES_LIMIT_BYTES = 64 * 1024 * 1024
"""Of all publications together: they are in memory at once."""
ATTEMPTS = 5
"""How often a publication is read that is folded meanwhile."""
COMMIT_BYTES = 4 * 1024 * 1024
"""Of the 10 MiB that Firestore takes; index entries come on top of it."""


class Copy:
    """One run of copying."""

    def __init__(
        self,
        steps: Steps,
        note: Note,
        scratch: Scratch,
        say: Callable[[str], None],
        limits: FoldLimits = LIMITS,
    ) -> None:
        self._steps = steps
        self._note = note
        self._scratch = scratch
        self._say = say
        self._limits = limits
        self._target = f"{steps.documents}{quiet.root(note.to)}"
        # Days are kept from the month that the note names, whatever is set now.
        self._kept = window(date.fromisoformat(note.today), 1, note.days_from, first_part=False)
        self._batch: list[tuple[Any, Note]] = []
        self._size = 0

    async def run(self) -> None:
        """Copy everything that is not yet copied."""
        async for write in self._receipts():
            await self._put(write, self._note)
        ids = await self._publications()
        for number, name in enumerate(ids, 1):
            if name < self._note.publication:
                continue
            begun = self._note.place if name == self._note.publication else ""
            if begun == END:
                continue
            async for placed in self._publication(name, begun):
                note = replace(self._note, publication=name, place=placed.place)
                await self._put(placed.write, note)
            if number % PUBLICATIONS_TOLD == 0:
                self._say(f"{number:,} of {len(ids):,} publications read")
        await self._flush()

    async def _receipts(self) -> AsyncIterator[Any]:
        """Yield copies of the receipts of open flushes; others are not asked for any more."""
        source = quiet.root(self._note.source)
        for ids in quiet.open_receipts(self._note.marks):
            async for page in self._steps.found(source, RECEIPTS, ids, quiet.RECEIPTS_AT_A_TIME):
                for receipt in page:
                    write = writes.Write()
                    write.update.CopyFrom(receipt)
                    write.update.name = (
                        f"{self._target}/{RECEIPTS}/{receipt.name.rpartition('/')[2]}"
                    )
                    yield write

    async def _publications(self) -> list[str]:
        """Return the ids of all publications, also of such that have only tallies, in order."""
        parent = f"{self._steps.documents}{quiet.root(self._note.source)}"
        found: list[str] = []
        size = 0

        async def read(client: FirestoreClient) -> None:
            nonlocal size
            found.clear()
            size = 0
            async for names in client.all_names(
                parent, PUBLICATIONS, NAMES_AT_A_TIME, READ_SECONDS
            ):
                found.extend(name.rpartition("/")[2] for name in names)
                size += sum(len(name) for name in names)
                if size > NAMES_LIMIT_BYTES:
                    raise PermanentSinkError(
                        f"the ids of all publications have more than {NAMES_LIMIT_BYTES:,} bytes",
                        "let the database keep its layout",
                    )

        await self._steps.patiently(read)
        return sorted(found)

    async def _publication(self, name: str, begun: str) -> AsyncIterator[contents.Placed]:
        """Yield what becomes of a publication, behind a place."""
        source = f"{quiet.root(self._note.source)}/{PUBLICATIONS}/{name}"
        publication = await self._steps.read(f"{self._steps.documents}{source}")
        self._scratch.clear()
        target = f"{self._target}/{PUBLICATIONS}/{name}"
        if self._note.to == "compact":
            async for page in self._steps.found(
                source, ENTITIES, quiet.EVERYTHING, ENTITIES_AT_A_TIME
            ):
                self._scratch.add(row for each in page for row in contents.rows_of_entity(each))
            if publication is not None:
                self._scratch.add(contents.rows_of_document(publication, PUBLICATION))
            for placed in contents.leaves(target, self._behind(begun), self._limits):
                yield placed
            if publication is not None:
                yield contents.Placed(contents.compact_publication(target, publication), END)
            return
        await self._read_tallies(source)
        for placed in contents.documents(target, self._behind(begun), self._kept):
            yield placed
        if publication is not None:
            own = self._scratch.between(*contents.OWN_DAYS)
            made = contents.documents_publication(target, publication, own, self._kept)
            yield contents.Placed(made, END)

    async def _read_tallies(self, source: str) -> None:
        """Read leaves, pieces and log, as of one moment.

        A fold of a process that is gone may still be on its way: it would change the head.
        """
        name = f"{self._steps.documents}{source}/{TALLIES}/{HEAD}"
        found = await self._steps.read(name)
        for _ in range(ATTEMPTS):
            self._scratch.clear()
            await self._read_pages(source, read_head(found))
            before, found = found, await self._steps.read(name)
            if (before and before.update_time) == (found and found.update_time):
                return
        raise PermanentSinkError(
            "a publication is folded again and again while it is copied",
            "stop every other persister that writes to this database; then say it again",
        )

    async def _read_pages(self, source: str, head: Head) -> None:
        waiting = {
            piece.id: behind
            for table in head.tables.values()
            for piece, behind in table.between("", LAST)
        }
        log = None
        async for page in self._steps.found(source, TALLIES, quiet.EVERYTHING, TALLIES_AT_A_TIME):
            for each in page:
                match each.name.rpartition("/")[2]:
                    case name if name == HEAD:
                        continue
                    case name if name == LOG:
                        log = each
                    case name if name in waiting:
                        self._scratch.add(contents.rows_of_tallies(each, waiting[name]))
                    case name if name.startswith((ALL, DAYS)):
                        self._scratch.add(contents.rows_of_tallies(each))
        # What is written later is read later: its names are shown.
        if log is not None:
            self._scratch.add(contents.rows_of_tallies(log))

    def _behind(self, place: str) -> Iterator[Row]:
        return self._scratch.between(place, END)

    async def _put(self, write: Any, note: Note) -> None:
        size = writes.size_bytes(write)
        full = len(self._batch) >= self._steps.largest or self._size + size > COMMIT_BYTES
        if self._batch and full:
            await self._flush()
        self._batch.append((write, note))
        self._size += size

    async def _flush(self) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        await self._steps.commit_all(batch)
