"""The rows of one publication on this machine's disk, in the order in which they are written.

They come in another order than they are wanted in, and may be more than fits into memory.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from newstally_persister.sqlite import files

CACHE_KIB = 64 * 1024
_TABLE = """
CREATE TABLE rows (
    place TEXT PRIMARY KEY, day TEXT, text TEXT, label TEXT, name TEXT,
    mentions INTEGER, articles INTEGER, dated_mentions INTEGER, dated_articles INTEGER
) WITHOUT ROWID
"""
_ADD = """
INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (place) DO UPDATE SET
    name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END,
    mentions = mentions + excluded.mentions, articles = articles + excluded.articles,
    dated_mentions = dated_mentions + excluded.dated_mentions,
    dated_articles = dated_articles + excluded.dated_articles
"""


class Row(NamedTuple):
    """What an entity, or with empty texts the publication itself, has in all or on a day."""

    place: str
    """Sorts the rows."""
    day: str
    """As `rows.Place` has it; "": in all."""
    text: str
    label: str
    name: str
    mentions: int
    articles: int
    dated_mentions: int = 0
    dated_articles: int = 0


class Scratch:
    """Rows in a file that is made anew. For one thread. Raises sqlite3.Error and OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._remove()
        files.secure(path)
        self._connection = sqlite3.connect(path, isolation_level=None)
        # Nothing of it is needed after a crash.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute(_TABLE)

    def clear(self) -> None:
        """Drop all rows."""
        self._connection.execute("DELETE FROM rows")

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows; those of the same place add up, and the later name is kept."""
        self._connection.execute("BEGIN")
        self._connection.executemany(_ADD, rows)
        self._connection.execute("COMMIT")

    def between(self, first: str, last: str) -> Iterator[Row]:
        """Yield the rows between two places, in order. Nothing may be added meanwhile."""
        found = self._connection.execute(
            "SELECT * FROM rows WHERE place > ? AND place < ? ORDER BY place", (first, last)
        )
        return map(Row._make, found)

    def close(self) -> None:
        """Remove the file."""
        self._connection.close()
        self._remove()

    def _remove(self) -> None:
        for path in (self._path, *(Path(f"{self._path}{suffix}") for suffix in files.LOGS)):
            path.unlink(missing_ok=True)
