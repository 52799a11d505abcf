"""The journal's tables, and how older files become newer ones."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from newstally_persister.journal.errors import JournalVersionError
from newstally_persister.journal.tables import days, models, older_keys
from newstally_persister.sqlite.columns import add_column
from newstally_persister.sqlite.transactions import transaction

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables; RETURNING and UPDATE FROM are older."""
CHECKPOINT_PAGES = 1_000
"""Pages (4 KiB) in the write-ahead log after which a commit moves them into the file."""
WAL_KEPT_BYTES = 8 * 1024 * 1024
"""What the log's file is cut back to when a large transaction made it longer."""
CACHE_KIBIBYTES = 32 * 1024
"""Memory for pages."""

_FIRST = (
    # One row. Rows of `pending` with flush = last_flush + 1 are the open heap. `flush_open` tells
    # whether flush `last_flush` still has parts to apply, `flush_planned` whether all of its rows
    # belong to a part.
    """CREATE TABLE meta (
        journal_id TEXT NOT NULL,
        last_flush INTEGER NOT NULL,
        flush_open INTEGER NOT NULL,
        flush_planned INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE uploads (
        upload_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        next_offset INTEGER NOT NULL,
        applied_offset INTEGER NOT NULL,
        counted INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        models TEXT NOT NULL,
        create_micros INTEGER NOT NULL,
        update_micros INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX uploads_unapplied ON uploads (upload_id) WHERE applied_offset < next_offset",
    """CREATE TABLE refusals (
        upload_id TEXT NOT NULL,
        offset INTEGER NOT NULL,
        article_id TEXT NOT NULL,
        reason INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (upload_id, offset)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE publications (
        key TEXT PRIMARY KEY,
        name TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE pending (
        flush INTEGER NOT NULL,
        publication_key TEXT NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (flush, publication_key, text, label)
    ) STRICT, WITHOUT ROWID""",
    # A part is a range of its flush's rows, so that planning one moves none of them.
    """CREATE TABLE parts (
        flush INTEGER NOT NULL,
        part INTEGER NOT NULL,
        first_key TEXT NOT NULL,
        first_text TEXT NOT NULL,
        first_label TEXT NOT NULL,
        last_key TEXT NOT NULL,
        last_text TEXT NOT NULL,
        last_label TEXT NOT NULL,
        digest TEXT NOT NULL,
        done INTEGER NOT NULL,
        PRIMARY KEY (flush, part)
    ) STRICT, WITHOUT ROWID""",
    # What applied_offset becomes when the open flush is done.
    """CREATE TABLE flush_uploads (
        upload_id TEXT PRIMARY KEY,
        offset INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""Statements that lead from schema version i to i + 1. Never changed, only added to.

The release before refuses a file of a version that it does not know: what it would not miss goes
into ADDITIONS instead.
"""

ADDITIONS: tuple[str, ...] = (
    # Tells apart inputs that were sent under one upload id; only where the client gave one.
    """CREATE TABLE IF NOT EXISTS fingerprints (
        upload_id TEXT PRIMARY KEY,
        fingerprint BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # How many uploads an owner made on the last day (since 1970, UTC) on which it made any.
    """CREATE TABLE IF NOT EXISTS made_uploads (
        owner TEXT PRIMARY KEY,
        day INTEGER NOT NULL,
        uploads INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # Keys of publications that today's rule would write otherwise, by what it would write.
    """CREATE TABLE IF NOT EXISTS older_keys (
        normal TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (normal, key)
    ) STRICT, WITHOUT ROWID""",
    # How many refusals were listed one by one for an owner on the last day on which any were.
    """CREATE TABLE IF NOT EXISTS listed_refusals (
        owner TEXT PRIMARY KEY,
        day INTEGER NOT NULL,
        refusals INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # Refusals beyond those that an upload lists one by one.
    """CREATE TABLE IF NOT EXISTS refusal_ranges (
        upload_id TEXT NOT NULL,
        reason INTEGER NOT NULL,
        first_offset INTEGER NOT NULL,
        end_offset INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (upload_id, reason, first_offset)
    ) STRICT, WITHOUT ROWID""",
    # What the tallies were counted with.
    """CREATE TABLE IF NOT EXISTS models (
        model TEXT PRIMARY KEY
    ) STRICT, WITHOUT ROWID""",
    # Errors and releases of all services: see newstally_persister.journal.sightings.
    """CREATE TABLE IF NOT EXISTS sightings (
        service TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        release TEXT NOT NULL,
        first_micros INTEGER NOT NULL,
        PRIMARY KEY (service, fingerprint, release)
    ) STRICT, WITHOUT ROWID""",
    # Parts that the sink refuses: from here on only a tombstone is sent for them, or was.
    """CREATE TABLE IF NOT EXISTS voiding (
        flush INTEGER NOT NULL,
        part INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (flush, part)
    ) STRICT, WITHOUT ROWID""",
    # Parts of the open flush that hold rows of a voided one: planning does not go on behind them.
    """CREATE TABLE IF NOT EXISTS replanned (
        flush INTEGER NOT NULL,
        part INTEGER NOT NULL,
        PRIMARY KEY (flush, part)
    ) STRICT, WITHOUT ROWID""",
    # For lists of an owner's uploads, those made last first.
    """CREATE INDEX IF NOT EXISTS uploads_made
        ON uploads (owner, create_micros DESC, upload_id)""",
    # Rows that the sink refuses even alone, with all that came for them.
    """CREATE TABLE IF NOT EXISTS set_aside (
        publication_key TEXT NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        name TEXT,
        reason TEXT NOT NULL,
        PRIMARY KEY (publication_key, text, label)
    ) STRICT, WITHOUT ROWID""",
    # The day that the day_... columns of a flush's rows are about.
    """CREATE TABLE IF NOT EXISTS usual_days (
        flush INTEGER PRIMARY KEY,
        day INTEGER NOT NULL
    ) STRICT""",
    # Of rows of `pending`, what was published on other days than the usual one.
    """CREATE TABLE IF NOT EXISTS pending_days (
        flush INTEGER NOT NULL,
        publication_key TEXT NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        day INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (flush, publication_key, text, label, day)
    ) STRICT, WITHOUT ROWID""",
    # What tells whether the days of a part are still those that were planned.
    """CREATE TABLE IF NOT EXISTS part_days (
        flush INTEGER NOT NULL,
        part INTEGER NOT NULL,
        digest TEXT NOT NULL,
        PRIMARY KEY (flush, part)
    ) STRICT, WITHOUT ROWID""",
    # The days of rows that are set aside.
    """CREATE TABLE IF NOT EXISTS set_aside_days (
        publication_key TEXT NOT NULL,
        text TEXT NOT NULL,
        label TEXT NOT NULL,
        day INTEGER NOT NULL,
        mentions INTEGER NOT NULL,
        articles INTEGER NOT NULL,
        PRIMARY KEY (publication_key, text, label, day)
    ) STRICT, WITHOUT ROWID""",
    # How many publications an owner with a limit brought on the last day on which it brought any.
    """CREATE TABLE IF NOT EXISTS made_publications (
        owner TEXT PRIMARY KEY,
        day INTEGER NOT NULL,
        publications INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # The highest token that a batch of an upload came with.
    """CREATE TABLE IF NOT EXISTS tokens (
        upload_id TEXT PRIMARY KEY,
        token INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # One row: where the tokens of the newest process begin.
    "CREATE TABLE IF NOT EXISTS epochs (epoch INTEGER NOT NULL) STRICT",
)
"""Tables beside those of the version, made where they are missing at every start.

The release before goes on without them, so that an upgrade can be taken back: nothing in its own
tables may come to mean something else because of them.
"""


ADDED_COLUMNS = (
    # An entity as readers write it, if that is known.
    ("pending", "name", "TEXT"),
    # Of the row, what was published on its flush's usual day; NULL is 0.
    ("pending", "day_mentions", "INTEGER"),
    ("pending", "day_articles", "INTEGER"),
)
"""Columns beside those of the version, as ADDITIONS are tables: the release before names those that
it writes."""

HELD = 1 << 16
"""A bit of the file's version while the open flush has a voided part.

The release before would plan that flush wrong, so it must not open the file. Once the flush is
complete it may again.
"""


def hold(connection: sqlite3.Connection, *, held: bool) -> None:
    """Keep the release before from the file, or let it in again. In the caller's transaction."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {version | HELD if held else version & ~HELD}")


def migrate(connection: sqlite3.Connection, new_journal_id: Callable[[], str]) -> None:
    """Bring the file to the newest schema, with all additions; make the journal when it is empty.

    Raises JournalVersionError when the file is newer than this release.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise JournalVersionError(
            f"SQLite {sqlite3.sqlite_version} is too old: use a Python with SQLite "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer"
        )
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    version = found & ~HELD
    if version > len(MIGRATIONS):
        raise JournalVersionError(
            f"the journal has schema version {version}, and this release knows "
            f"{len(MIGRATIONS)}: start the release that wrote it, or a newer one"
        )
    for number in range(version, len(MIGRATIONS)):
        with transaction(connection):
            for statement in MIGRATIONS[number]:
                connection.execute(statement)
            if number == 0:
                connection.execute("INSERT INTO meta VALUES (?, 0, 0, 1)", (new_journal_id(),))
            connection.execute(f"PRAGMA user_version = {number + 1 | found & HELD}")
    with transaction(connection):
        for statement in ADDITIONS:
            connection.execute(statement)
        for table, column, kind in ADDED_COLUMNS:
            add_column(connection, table, column, kind)
        days.sweep(connection)
        older_keys.note(connection)
        models.note_uploads(connection)


def configure(connection: sqlite3.Connection) -> None:
    """Make commits durable and the write-ahead log bounded. Before the first transaction."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")


def log_path(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a database."""
    return path.with_name(path.name + "-wal")
