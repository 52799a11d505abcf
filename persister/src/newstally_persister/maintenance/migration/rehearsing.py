"""What a migration would do, and what that costs: everything is read and nothing is written."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from newstally_persister.maintenance.firestore_emptying import AT_ROOT, IN_PUBLICATION
from newstally_persister.maintenance.migration import quiet, stages
from newstally_persister.maintenance.migration.copying import Copy
from newstally_persister.maintenance.migration.note import Layout, Note
from newstally_persister.maintenance.migration.scratch import Scratch
from newstally_persister.maintenance.migration.steps import Steps
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits
from newstally_persister.sinks.firestore.writes import PUBLICATIONS

READ_DOLLARS, WRITE_DOLLARS, DELETE_DOLLARS = 0.06, 0.18, 0.02
"""For 100,000, in a multi-region of the Standard edition."""


@dataclass(slots=True)
class Cost:
    """What a migration takes, as Firestore bills it."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0

    @property
    def dollars(self) -> float:
        """In a multi-region."""
        return (
            self.reads * READ_DOLLARS + self.writes * WRITE_DOLLARS + self.deletes * DELETE_DOLLARS
        ) / 100_000

    def told(self, per_second: int) -> str:
        """Tell a person. `per_second`: writes and deletes."""
        minutes = (self.writes + self.deletes) / per_second / 60
        return (
            f"nothing is changed; it would be {self.reads:,} documents read, {self.writes:,}"
            f" written and {self.deletes:,} deleted: {self.dollars:.2f} dollars at the prices of a"
            f" multi-region (look up yours), and {minutes:,.0f} minutes or more"
        )


class Rehearsal(Steps):
    """Steps whose commits are only counted."""

    def __init__(self, *args: Any) -> None:
        """See Steps."""
        super().__init__(*args)
        self.cost = Cost()
        self.seen: dict[tuple[str, str], int] = {}
        """How many documents were read of a collection, by what stands before it, and its id."""

    async def commit(self, writes: Sequence[Any], note: Note) -> None:
        """Count a commit, and what tells whether it was applied."""
        self.under_way = note
        deletes = sum(1 for write in writes if write.delete)
        self.count(len(writes) - deletes, deletes)

    def count(self, writes: int, deletes: int) -> None:
        """Count a commit of so many writes; the note is one more."""
        self.cost.writes += writes + 1
        self.cost.deletes += deletes
        self.cost.reads += 1

    def delete(self, documents: int) -> None:
        """Count documents that are deleted, and before that named: each name is a read, too."""
        for begin in range(0, documents, self.largest):
            self.count(0, min(self.largest, documents - begin))
        self.cost.reads += documents

    async def found(
        self, parent: str, collection: str, between: tuple[str, str], size: int
    ) -> AsyncIterator[list[Any]]:
        """See Steps.found."""
        number = 0
        async for page in super().found(parent, collection, between, size):
            number += len(page)
            yield page
        if between == quiet.EVERYTHING:
            self.seen[parent, collection] = number

    async def ids(self, parent: str, collection: str) -> list[str]:
        """Return the ids of documents, also of such that have only documents below."""
        pages = self.names(f"{self.documents}{parent}", collection)
        return [name.rpartition("/")[2] async for names in pages for name in names]


async def rehearse(
    steps: Rehearsal,
    wish: stages.Wish,
    directory: Path,
    say: Callable[[str], None],
    limits: FoldLimits = LIMITS,
) -> Cost | None:
    """Return what is left to do; None where the database has the layout already.

    Refuses what the migration would refuse: see `stages.migrate`.
    """
    note = await stages.wanted(steps, wish)
    if note is None:
        return None
    if note != steps.under_way:
        await steps.commit([], note)
    if note.stage == "clearing":
        await _delete(steps, note.to)
        note = replace(note, stage="copying")
        await steps.commit([], note)
    if note.stage == "copying":
        scratch = Scratch(directory / stages.SCRATCH)
        try:
            await Copy(steps, note, scratch, say, limits).run()
        finally:
            scratch.close()
        marks = len((await quiet.look(steps, note.source)).marks)
        steps.count(marks, marks)
        note = replace(note, layout=note.to, stage="switched")
    if note.stage == "switched":
        steps.count(0, 0)
    await _delete(steps, stages.other(note.layout))
    steps.count(0, 0)
    steps.cost.reads += steps.reads
    return steps.cost


async def _delete(steps: Rehearsal, layout: Layout) -> None:
    """Count what is deleted of a layout."""
    root = quiet.root(layout)
    publications = await steps.ids(root, PUBLICATIONS)
    for publication in publications:
        above = f"{root}/{PUBLICATIONS}/{publication}"
        for collection in IN_PUBLICATION[layout]:
            known = steps.seen.get((above, collection))
            steps.delete(len(await steps.ids(above, collection)) if known is None else known)
    steps.delete(len(publications))
    for collection in AT_ROOT[layout]:
        steps.delete(len(await steps.ids(root, collection)))
