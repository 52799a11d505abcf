"""Tallies by day over all publications: the tables, and what each part adds to them.

Blocks of 1, 32 and 1,024 days (the `level` is the power of two) have runs of packed entries; what a
block holds is the sum of its runs, in which an entity may stand several times. A part appends a run
to each block that it changes, in its own transaction; `keeping` merges them.

A day is *covered* while everything that was written to it is in the runs, too. Triggers on
publication_days count what is `written`, whoever writes; who appends the runs counts it as
`covered`. Every part that writes rows of entity_days writes publication_days of these days. So an
earlier build of this release, which knows no rollups, leaves days that are not covered: they are
read from their rows until `keeping` has repaired them. A block whose days are all covered is exact.
"""

import sqlite3
import struct
from collections.abc import Mapping, Sequence
from itertools import groupby

from newstally_persister.sinks.derived.entries import ENTRY, DayRow, pack

LEVELS = (0, 5, 10)
TABLES = ("rollups", "rolled_days")
_TRIGGERS = {
    "publication_days_added": "AFTER INSERT ON publication_days BEGIN "
    "INSERT INTO rolled_days VALUES (new.day, 1, 0, 0, new.articles) "
    "ON CONFLICT DO UPDATE SET written = written + 1, articles = articles + excluded.articles; END",
    "publication_days_changed": "AFTER UPDATE ON publication_days BEGIN "
    "UPDATE rolled_days SET written = written + 1, articles = articles + new.articles - "
    "old.articles WHERE day = new.day; END",
}
_MADE = (
    # `size` is in entries; a run of a larger number is younger.
    """CREATE TABLE rollups (
        run INTEGER PRIMARY KEY,
        level INTEGER NOT NULL,
        block INTEGER NOT NULL,
        size INTEGER NOT NULL,
        entries BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX rollups_of_blocks ON rollups (level, block, size)",
    # `large`: its counts do not fit into entries, so that it is never covered. `articles` are those
    # of all publications.
    """CREATE TABLE rolled_days (
        day INTEGER PRIMARY KEY,
        written INTEGER NOT NULL,
        covered INTEGER NOT NULL,
        large INTEGER NOT NULL,
        articles INTEGER NOT NULL
    ) STRICT""",
    *(f"CREATE TRIGGER {name} {what}" for name, what in _TRIGGERS.items()),
    "INSERT INTO rolled_days SELECT day, 1, 0, 0, sum(articles) FROM publication_days GROUP BY day",
)
_APPEND = "INSERT INTO rollups (level, block, size, entries) VALUES (?, ?, ?, ?)"


def prepare(connection: sqlite3.Connection) -> bool:
    """Make the tables where publication_days has no triggers; return whether they were made.

    Without them it is not the table that was counted along: another release dropped that one. Then
    no day is covered. In the caller's transaction.
    """
    found = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
            ("publication_days",),
        )
    }
    if found >= _TRIGGERS.keys():
        return False
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _MADE:
        connection.execute(statement)
    return True


def add(connection: sqlite3.Connection, rows: Sequence[DayRow], written: Mapping[int, int]) -> None:
    """Add a part's rows, which are ordered by day, in the part's transaction.

    `written` says how many rows of publication_days were written, by day; each day of `rows` is
    among them.
    """
    packed: dict[int, bytes] = {}
    large: set[int] = set()
    for day, some in groupby(rows, key=lambda row: row[0]):
        try:
            packed[day] = pack(some)
        except struct.error:
            large.add(day)
    append(connection, packed)
    connection.executemany(
        "UPDATE rolled_days SET covered = covered + ? WHERE day = ?",
        [(number, day) for day, number in written.items() if day not in large],
    )


def append(connection: sqlite3.Connection, packed: Mapping[int, bytes]) -> None:
    """Append entries, by day ascending, to all blocks that hold these days."""
    runs: dict[tuple[int, int], list[bytes]] = {}
    for day, entries in packed.items():
        for level in LEVELS:
            runs.setdefault((level, day >> level), []).append(entries)
    connection.executemany(
        _APPEND,
        [
            (*block, len(entries) // ENTRY.size, entries)
            for block, some in runs.items()
            for entries in [b"".join(some)]
        ],
    )


def articles_between(connection: sqlite3.Connection, first: int, last: int) -> int:
    """Return how many articles of these days were counted, over all publications."""
    found = connection.execute(
        "SELECT total(articles) FROM rolled_days WHERE day BETWEEN ? AND ?", (first, last)
    ).fetchone()
    return int(found[0])


def latest_day(connection: sqlite3.Connection, last: int) -> int | None:
    """Return the last day with articles that is not after `last`."""
    found = connection.execute(
        "SELECT day FROM rolled_days WHERE day <= ? AND articles > 0 ORDER BY day DESC LIMIT 1",
        (last,),
    ).fetchone()
    return None if found is None else int(found[0])
