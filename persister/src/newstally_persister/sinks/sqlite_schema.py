"""The tables of the embedded sink."""

import errno
import sqlite3
import threading
from pathlib import Path

from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.derived import rollups, words
from newstally_persister.sqlite import files
from newstally_persister.sqlite.columns import add_column
from newstally_persister.sqlite.transactions import transaction

BUSY_MILLISECONDS = 5_000
"""How long to wait for another program that has the file locked."""

MAX_BYTES = 1024**4
"""How large the file may get, where nothing else is set."""
CACHE_KIBIBYTES = 16 * 1024
"""Memory for pages, of the writer and of each reader: what a part changes beyond it is written
twice."""
_LOG_KEPT_BYTES = 8 * 1024 * 1024
"""What the write-ahead log is cut back to."""

_OPENING = threading.Lock()
"""The writer's and the reader's threads may both be the first to open a new file, and switching it
to a write-ahead log does not wait for the other as it should."""

BOOKS = (
    """CREATE TABLE marks (
        journal_id TEXT PRIMARY KEY,
        started INTEGER NOT NULL,
        completed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE receipts (
        journal_id TEXT NOT NULL,
        flush INTEGER NOT NULL,
        part INTEGER NOT NULL,
        digest TEXT NOT NULL,
        expire_seconds INTEGER,
        PRIMARY KEY (journal_id, flush, part)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX receipts_expiring ON receipts (expire_seconds) WHERE expire_seconds NOT NULL",
)
"""Marks and receipts, alike in both forms."""

# `rank` lets one ascending range of an index serve "mentions descending, then key", also from the
# middle.
SPELT_TABLES = (
    """CREATE TABLE publications (
        key TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        rank INTEGER NOT NULL AS (-mentions)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX publications_ranked ON publications (rank, key)",
    """CREATE TABLE entities (
        publication_key TEXT NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        rank INTEGER NOT NULL AS (-mentions),
        PRIMARY KEY (publication_key, text, label)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX entities_ranked ON entities (publication_key, rank, text, label)",
    "CREATE INDEX entities_ranked_by_label ON entities (publication_key, label, rank, text)",
)
_MOST = (
    "CREATE INDEX IF NOT EXISTS entity_tallies_most "
    "ON entity_tallies (publication, mentions DESC, label)"
)
"""For lists of all labels, and of one: those of other labels are passed over without their rows. A
second index would take a third of what it takes to add a tally."""
NUMBERED_TABLES = (
    """CREATE TABLE publication_tallies (
        publication INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        rank INTEGER NOT NULL AS (-mentions)
    ) STRICT""",
    "CREATE INDEX publication_tallies_ranked ON publication_tallies (rank, key)",
    """CREATE TABLE labels (
        label INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    ) STRICT""",
    # `display` is an entity's name as readers write it, if that is known.
    """CREATE TABLE entity_names (
        entity INTEGER PRIMARY KEY,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        display TEXT,
        UNIQUE (text, label)
    ) STRICT""",
    """CREATE TABLE entity_tallies (
        publication INTEGER NOT NULL,
        entity INTEGER NOT NULL,
        label INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (publication, entity)
    ) STRICT, WITHOUT ROWID""",
    _MOST,
)
_OLDER_INDEXES = ("entity_tallies_ranked", "entity_tallies_ranked_by_label")
"""What earlier builds of this release had instead of it."""
DAY_TABLES = (
    # What was published on a day (see newstally_protos.days), by publication. There is a row for
    # each (publication, day) of entity_days.
    """CREATE TABLE IF NOT EXISTS publication_days (
        publication INTEGER NOT NULL,
        day INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (publication, day)
    ) STRICT, WITHOUT ROWID""",
    # Days come first: what is written now is of few days, and so in few pages.
    """CREATE TABLE IF NOT EXISTS entity_days (
        day INTEGER NOT NULL,
        publication INTEGER NOT NULL,
        entity INTEGER NOT NULL,
        label INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (day, publication, entity)
    ) STRICT, WITHOUT ROWID""",
)
"""Of the tallies by numbers, what was published on which day; the rest of them has no day."""
SPELT, NUMBERED = 1, 2
"""The schema versions. A file of the first goes on in it, so that an upgrade of the persister can
be taken back; `newstally-persister upgrade-store` leads to the second, in which new files begin."""


def connect(path: Path, max_bytes: int = MAX_BYTES) -> sqlite3.Connection:
    """Open the file durably; make it when it is not there. Raises PermanentSinkError."""
    try:
        with _OPENING:
            files.secure(path)
    except OSError as error:
        raise _unusable(path, error) from error
    connection = sqlite3.connect(
        path, timeout=BUSY_MILLISECONDS / 1000, isolation_level=None, check_same_thread=False
    )
    try:
        with _OPENING:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT_BYTES}")
            (page_size,) = connection.execute("PRAGMA page_size").fetchone()
            connection.execute(f"PRAGMA max_page_count = {max(1, max_bytes // page_size)}")
            # After a failure the log holds what was rolled back: on a full disk that is wanted.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _unusable(path: Path, error: OSError) -> PermanentSinkError:
    remedies = {
        errno.ENOENT: "make the directory, and let the persister write to it",
        errno.ENOSPC: "free space on the disk",
        errno.ELOOP: "set --sqlite-path to the file itself",
    }
    remedy = remedies.get(error.errno or 0, "let the persister write to the file and its directory")
    return PermanentSinkError(f"{path}: {error.strerror}", remedy)


def add_names(connection: sqlite3.Connection) -> None:
    """Let tables of the first form hold names as readers write them; 0.2.0 writes rows without."""
    add_column(connection, "entities", "name", "TEXT")


def prepare(connection: sqlite3.Connection) -> int:
    """Make the tables when there are none; return the schema version. Raises PermanentSinkError."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > NUMBERED:
        raise PermanentSinkError(
            f"the tallies have schema version {version}, and this release knows {NUMBERED}",
            "start the release that wrote them, or a newer one",
        )
    if version == 0:
        with transaction(connection):
            for statement in (*NUMBERED_TABLES, *DAY_TABLES, *BOOKS):
                connection.execute(statement)
            derive(connection)
            connection.execute(f"PRAGMA user_version = {NUMBERED}")
        return NUMBERED
    with transaction(connection):
        if version == SPELT:
            add_names(connection)
        else:
            for statement in DAY_TABLES:
                connection.execute(statement)
            for index in _OLDER_INDEXES:
                connection.execute(f"DROP INDEX IF EXISTS {index}")
            connection.execute(_MOST)
            derive(connection)
    return int(version)


def derive(connection: sqlite3.Connection) -> None:
    """Make the tables of what follows from the tallies by numbers, in a transaction."""
    words.prepare(connection, anew=rollups.prepare(connection))
