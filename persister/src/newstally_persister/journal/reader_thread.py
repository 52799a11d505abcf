"""Reads of the journal beside its writer."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.journal.opening import open_reader
from newstally_persister.journal.tables.reader import JournalReader
from newstally_persister.sqlite.threads import BusyError, OwnedThread

READS_WAITING = 256

Result = TypeVar("Result")


class JournalReads:
    """One thread with a connection of its own: a read sees everything answered before it began."""

    def __init__(self, path: Path, on_fatal: Callable[[str], None]) -> None:
        """`path` exists by the first read."""
        self._path = path
        self._on_fatal = on_fatal
        self._thread = OwnedThread(
            "journal-reader",
            lambda: open_reader(path),
            JournalReader.close,
            broken=sqlite3.Error,
            waiting_limit=READS_WAITING,
        )

    async def run(self, work: Callable[[JournalReader], Result]) -> Result:
        """Return what the read returns. Raises BusyError and JournalClosedError."""
        try:
            return await self._thread.run(work)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise BusyError from error  # another program has the file locked
            self._on_fatal(
                f"the journal {self._path} cannot be read: {error}. Check its disk, then start "
                "again: nothing that was acknowledged is lost"
            )
            raise JournalClosedError("the journal failed") from error

    async def close(self) -> None:
        """Wait for the read under way and close the connection."""
        await self._thread.close()
