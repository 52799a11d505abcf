"""Rows that wait in the journal, by key. Each function runs in its caller's transaction."""

import sqlite3
from collections.abc import Iterable, Iterator

from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.values.parts import EntityRow, PublicationRow, Row

Key = tuple[str, str, str]
"""Publication key, text, label; the last two are "" for the publication's own row."""
Bounds = tuple[str, str, str, str, str, str]
"""The keys of the first and the last row of a range."""

_IN_RANGE = (
    "(publication_key, text, label) >= (?, ?, ?) AND (publication_key, text, label) <= (?, ?, ?)"
)


def between(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> Iterator[Row]:
    """Yield a flush's rows within bounds, by key."""
    found = connection.execute(
        "SELECT publication_key, text, label, mentions, articles, name FROM pending "
        f"WHERE flush = ? AND {_IN_RANGE} ORDER BY publication_key, text, label",
        (flush, *bounds),
    )
    return read(connection, found)


def delete(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> None:
    """Delete a flush's rows within bounds."""
    connection.execute(f"DELETE FROM pending WHERE flush = ? AND {_IN_RANGE}", (flush, *bounds))


def read(
    connection: sqlite3.Connection, found: Iterable[tuple[str, str, str, int, int, str | None]]
) -> Iterator[Row]:
    """Yield (publication key, text, label, mentions, articles, name) as rows."""
    for key, text, label, mentions, articles, name in found:
        if text:
            yield EntityRow(key, text, label, mentions, articles, name)
        else:
            yield PublicationRow(key, _name(connection, key), mentions, articles)


def key(row: Row) -> Key:
    """Return what a row is found by."""
    if isinstance(row, PublicationRow):
        return row.key, "", ""
    return row.publication_key, row.text, row.label


def _name(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT name FROM publications WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise CorruptJournalError(
            "a pending publication has no name: the journal is damaged. Check the disk; restore "
            "the data directory, or start with an empty one"
        )
    return str(row[0])
