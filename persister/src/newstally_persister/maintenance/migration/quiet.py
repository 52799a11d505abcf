"""Whether anybody wrote to a layout since a migration began.

Every part leaves a receipt, and the first of a flush moves its journal's mark. So the marks, and
the receipts of the flushes that are open by them, tell all that is written. Both are looked at
before any tally is read, and again when the copy is complete.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from newstally_persister.maintenance.migration.note import END, Layout
from newstally_persister.maintenance.migration.steps import Steps
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.layout import COMPACT, MARKS, RECEIPTS

JOURNALS_LIMIT = 1_000
"""Journals that one database may have been written by: all marks change in one commit."""
RECEIPTS_AT_A_TIME = 300
EVERYTHING = ("", "")


@dataclass(frozen=True, slots=True)
class Writers:
    """Who wrote to a layout, and how far."""

    marks: tuple[Any, ...]
    """Documents, by journal."""
    receipts: str
    """What tells the receipts of the open flushes from any others."""

    @property
    def told(self) -> Mapping[str, str]:
        """How far each journal is, as a note has it."""
        return {journal_of(mark): _told(mark) for mark in self.marks}


def root(layout: Layout) -> str:
    """Return what the names of a layout's documents begin with, without the database."""
    return "" if layout == "documents" else f"/{COMPACT}"


def journal_of(mark: Any) -> str:
    """Return the journal that a mark is of."""
    return str(mark.name.rpartition("/")[2])


async def look(steps: Steps, layout: Layout) -> Writers:
    """Look who wrote to a layout. Raises PermanentSinkError where these are too many."""
    marks: list[Any] = []
    async for page in steps.found(root(layout), MARKS, EVERYTHING, JOURNALS_LIMIT + 1):
        marks += page
        if len(marks) > JOURNALS_LIMIT:
            raise PermanentSinkError(
                f"more than {JOURNALS_LIMIT:,} journals wrote to this database",
                "delete the marks of those that are gone for good, in the collection `journals`",
            )
    told = {journal_of(mark): _told(mark) for mark in marks}
    return Writers(tuple(marks), await receipts_of(steps, layout, told))


async def receipts_of(steps: Steps, layout: Layout, marks: Mapping[str, str]) -> str:
    """Return what tells the receipts of the flushes that are open by marks from any others."""
    hashed = hashlib.sha256()
    for ids in open_receipts(marks):
        async for page in steps.found(root(layout), RECEIPTS, ids, RECEIPTS_AT_A_TIME):
            for receipt in page:
                name = receipt.name.rpartition("/")[2]
                hashed.update(f"{name} {fields(receipt).get('digest')}\n".encode())
    return hashed.hexdigest()


def open_receipts(marks: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield between which ids the receipts of flushes are that are open by marks.

    Those of other flushes are not asked for any more: the marks tell that they are complete.
    """
    for journal, told in sorted(marks.items()):
        started, completed = map(int, told.split("/"))
        if completed < started:
            beginning = f"{journal}-{started}-"
            yield beginning, f"{beginning}{END}"


def _told(mark: Any) -> str:
    found = fields(mark)
    return f"{found.get('started', 0)}/{found.get('completed', 0)}"
