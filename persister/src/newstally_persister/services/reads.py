"""What the services need of the journal's reading side."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from newstally_persister.journal.tables.reader import JournalReader

Result = TypeVar("Result")


class Reads(Protocol):
    """Runs reads of the journal; they see all that was acknowledged."""

    async def run(self, work: Callable[[JournalReader], Result]) -> Result:
        """Return what the read returns."""
        ...
