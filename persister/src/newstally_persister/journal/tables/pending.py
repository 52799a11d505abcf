"""Rows that wait in the journal, by key. Each function runs in its caller's transaction."""

import sqlite3
from collections.abc import Iterable, Iterator

from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.journal.tables import days
from newstally_persister.journal.tables.days import IN_RANGE, Bounds, Days, Key
from newstally_persister.values.parts import DayCounts, EntityRow, PublicationRow, Row

_SELECT = (
    "SELECT publication_key, text, label, mentions, articles, name, day_mentions, day_articles "
    "FROM pending WHERE flush = ? AND {where} ORDER BY publication_key, text, label"
)
_Found = tuple[str, str, str, int, int, str | None, int | None, int | None]


def between(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> Iterator[Row]:
    """Yield a flush's rows within bounds, by key."""
    found = connection.execute(_SELECT.format(where=IN_RANGE), (flush, *bounds))
    others = days.between(connection, flush, bounds)
    return _read(connection, found, Days(days.usual(connection, flush), others))


def behind(connection: sqlite3.Connection, flush: int, after: Key, limit: int) -> Iterator[Row]:
    """Yield at most so many of a flush's rows behind a key, by key."""
    where = "(publication_key, text, label) > (?, ?, ?)"
    found = connection.execute(f"{_SELECT.format(where=where)} LIMIT ?", (flush, *after, limit))
    others = days.behind(connection, flush, after)
    return _read(connection, found, Days(days.usual(connection, flush), others))


def delete(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> None:
    """Delete a flush's rows within bounds."""
    connection.execute(f"DELETE FROM pending WHERE flush = ? AND {IN_RANGE}", (flush, *bounds))
    days.delete(connection, flush, bounds)


def take(connection: sqlite3.Connection, flush: int, row: Key) -> Row | None:
    """Delete one row of a flush and return it, if it is there."""
    found = next(between(connection, flush, (*row, *row)), None)
    delete(connection, flush, (*row, *row))
    return found


def _read(connection: sqlite3.Connection, found: Iterable[_Found], by_day: Days) -> Iterator[Row]:
    usual = by_day.usual
    for key, text, label, mentions, articles, name, day_mentions, day_articles in found:
        days: tuple[DayCounts, ...] = ()
        if day_articles and usual is not None:
            days = ((usual, day_mentions or 0, day_articles),)
        if by_day.next_key is not None and (key, text, label) >= by_day.next_key:
            days = by_day.with_others((key, text, label), days)
        if text:
            # As EntityRow(...), without the call of a function.
            yield tuple.__new__(EntityRow, (key, text, label, mentions, articles, name, days))
        else:
            yield PublicationRow(key, _name(connection, key), mentions, articles, days)


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
