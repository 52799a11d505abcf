"""Opens the journal in its data directory, or says why not and what to do."""

import errno
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from newstally_persister.journal.directory import make_directory, secure_directory
from newstally_persister.journal.errors import CorruptJournalError, JournalDiskError, JournalError
from newstally_persister.journal.lock import DirectoryLock
from newstally_persister.journal.space import Gauge
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import schema
from newstally_persister.journal.tables.reader import JournalReader
from newstally_persister.sqlite import files

FILE_NAME = "journal.db"
EMPTYING = "emptying"
"""The note that the store is being emptied; see maintenance.emptying."""
_LOCKED_SECONDS = 5.0
"""How long to wait for another program that has the file locked, when it is opened or read."""
PATIENCE_SECONDS = 600.0
"""How long a transaction waits for another program that writes the file (VACUUM, say): who waits
meanwhile is told to come back, and nothing is lost."""

_CHECK = "Check its disk and the space on it"
_REMEDIES = {
    sqlite3.SQLITE_FULL: "Free space on its disk",
    sqlite3.SQLITE_BUSY: "Stop the other program that has it locked",
    sqlite3.SQLITE_READONLY: "Let the persister write to the file and its directory",
    sqlite3.SQLITE_PERM: "Let the persister read and write the file",
}


@dataclass(frozen=True, slots=True)
class OpenJournal:
    """A journal and what has to be closed with it."""

    path: Path
    connection: sqlite3.Connection
    store: JournalStore
    gauge: Gauge
    lock: DirectoryLock

    def close(self) -> None:
        """Close the file and let the directory go. From one thread, after all use."""
        try:
            self.connection.close()
        finally:
            self.lock.close()


def open_journal(directory: Path) -> OpenJournal:
    """Lock the directory (made when missing) and open its journal (made when missing).

    Raises JournalError with what to do. The connection may be used by any one thread at a time.
    """
    try:
        make_directory(directory)
        secure_directory(directory)
        lock = DirectoryLock(directory)
    except OSError as error:
        raise _unusable(directory, error) from error
    path = directory / FILE_NAME
    if (directory / EMPTYING).exists():
        lock.close()
        raise JournalError(
            f"the store of {directory} is half empty: say `newstally-persister empty-store` again, "
            "with the same settings, until it is done"
        )
    try:
        files.secure(path)
    except OSError as error:
        lock.close()
        raise _unusable(directory, error) from error
    try:
        connection = _connect(path)
        try:
            schema.configure(connection)
            store = JournalStore(connection)
            connection.execute(f"PRAGMA busy_timeout = {round(PATIENCE_SECONDS * 1_000)}")
            return OpenJournal(path, connection, store, Gauge(connection, path), lock)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        lock.close()
        raise _decided(path, error) from error
    except BaseException:
        lock.close()
        raise


def _unusable(directory: Path, error: OSError) -> JournalError:
    message = f"cannot use the data directory {directory}: {error.strerror}."
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}:
        return JournalDiskError(f"{message} {_CHECK}, then start again")
    return JournalError(f"{message} Set --data-dir to a directory that the persister may write to")


def _decided(path: Path, error: sqlite3.Error | OSError) -> JournalError:
    """Say what an error means. Only a damaged file is ever to be replaced."""
    # The low byte is the primary code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return CorruptJournalError(
            f"cannot read the journal {path}: {error}. Check the disk; restore the data directory, "
            "or start with an empty one"
        )
    return JournalDiskError(
        f"cannot open the journal {path} now: {error}. {_REMEDIES.get(code, _CHECK)}, then start "
        "again. Leave the data directory as it is: what was acknowledged is in it"
    )


def open_reader(path: Path) -> JournalReader:
    """Open a connection that reads what the writer committed. The file exists."""
    connection = _connect(path)
    connection.execute("PRAGMA query_only = 1")
    return JournalReader(connection)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_LOCKED_SECONDS, isolation_level=None, check_same_thread=False
    )
