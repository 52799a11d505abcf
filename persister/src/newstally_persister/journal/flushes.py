"""Flushes: how tallies leave the journal. Each function is for `JournalStore.run`.

A flush goes through

    idle ──cut──▶ open ──plan_part, part_done, in any order──▶ all planned and done ──▶ idle

`cut` closes the heap: what is recorded from then on belongs to the next flush. Each `plan_part`
fixes the next part's rows and digest on disk, before its first attempt at the sink. The `part_done`
that completes the flush moves the applied offsets in its own transaction.

Neither cutting nor planning moves a row, however many wait: the number of the flush is part of a
row's key from the beginning, and a part is a range of keys. So each row, and each document, is in
exactly one part.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from newstally_persister import failpoints
from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.values.parts import EntityRow, Part, PartLimits, PublicationRow, digest
from newstally_persister.values.progress import Expiry, OpenFlush, Position, Progress

_Row = tuple[str, str, str, int, int, str | None]


@dataclass(frozen=True, slots=True)
class _Meta:
    journal_id: str
    last_flush: int
    is_open: bool
    planned: bool


def progress(connection: sqlite3.Connection) -> Progress:
    """Return where a flusher begins."""
    return Progress(position(connection), open_flush(connection), has_unapplied(connection))


def position(connection: sqlite3.Connection) -> Position:
    """Return how far the journal is."""
    meta = _meta(connection)
    first_part_done = connection.execute(
        "SELECT 1 FROM parts WHERE flush = ? AND part = 1 AND done", (meta.last_flush,)
    ).fetchone()
    return Position(
        journal_id=meta.journal_id,
        last_cut=meta.last_flush,
        last_completed=meta.last_flush - meta.is_open,
        first_part_undone=meta.is_open and first_part_done is None,
    )


def open_flush(connection: sqlite3.Connection) -> OpenFlush | None:
    """Return the flush to finish, or None when idle. Ask at start: a crash leaves one open."""
    meta = _meta(connection)
    if not meta.is_open:
        return None
    undone = connection.execute(
        "SELECT part FROM parts WHERE flush = ? AND NOT done ORDER BY part", (meta.last_flush,)
    )
    return OpenFlush(meta.last_flush, tuple(number for (number,) in undone), meta.planned)


def has_unapplied(connection: sqlite3.Connection) -> bool:
    """Return whether an upload has settled offsets that are not applied."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM uploads WHERE applied_offset < next_offset)"
        ).fetchone()[0]
    )


def cut(connection: sqlite3.Connection) -> int | None:
    """Close the heap as the next flush, note how far each upload is, return the flush's number.

    None when the heap is empty; offsets that wait without tallies (refusals) are then applied on
    the spot, and no flush number is used. Raises ValueError when a flush is open.
    """
    meta = _meta(connection)
    if meta.is_open:
        raise ValueError(f"flush {meta.last_flush} is open")
    number = meta.last_flush + 1
    if not connection.execute(
        "SELECT EXISTS (SELECT 1 FROM pending WHERE flush = ?)", (number,)
    ).fetchone()[0]:
        connection.execute(
            "UPDATE uploads SET applied_offset = next_offset WHERE applied_offset < next_offset"
        )
        return None
    connection.execute(
        "INSERT INTO flush_uploads (upload_id, offset) "
        "SELECT upload_id, next_offset FROM uploads WHERE applied_offset < next_offset"
    )
    connection.execute(
        "UPDATE meta SET last_flush = ?, flush_open = 1, flush_planned = 0", (number,)
    )
    return number


def plan_part(connection: sqlite3.Connection, flush: int, limits: PartLimits) -> Part | None:
    """Fix the next range of the open flush's rows as a part; None when no rows are left to plan."""
    meta = _meta(connection)
    if not meta.is_open or meta.last_flush != flush or meta.planned:
        return None
    number, after = 1, ("", "", "")
    last = connection.execute(
        "SELECT part, last_key, last_text, last_label FROM parts WHERE flush = ? "
        "ORDER BY part DESC LIMIT 1",
        (meta.last_flush,),
    ).fetchone()
    if last is not None:
        number, after = last[0] + 1, last[1:]
    # No row sorts at or below ("", "", ""): a publication's key is never blank.
    found = connection.execute(
        "SELECT publication_key, text, label, mentions, articles, name FROM pending "
        "WHERE flush = ? AND (publication_key, text, label) > (?, ?, ?) "
        "ORDER BY publication_key, text, label LIMIT ?",
        (meta.last_flush, *after, limits.rows + 1),
    )
    publications, entities, rows, more = _take(connection, found, limits)
    part = Part(
        journal_id=meta.journal_id,
        flush=meta.last_flush,
        number=number,
        digest=digest(publications, entities),
        publications=publications,
        entities=entities,
    )
    connection.execute(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (part.flush, part.number, *rows[0][:3], *rows[-1][:3], part.digest),
    )
    if not more:
        connection.execute("UPDATE meta SET flush_planned = 1")
    return part


def read_part(connection: sqlite3.Connection, flush: int, number: int) -> Part:
    """Return a part that was planned and is not done, unchanged.

    Raises CorruptJournalError when its rows are not what its digest says.
    """
    row = connection.execute(
        "SELECT first_key, first_text, first_label, last_key, last_text, last_label, digest "
        "FROM parts WHERE flush = ? AND part = ? AND NOT done",
        (flush, number),
    ).fetchone()
    if row is None:
        raise ValueError(f"part {number} of flush {flush} is not planned, or done")
    *bounds, expected = row
    found = connection.execute(
        "SELECT publication_key, text, label, mentions, articles, name FROM pending "
        f"WHERE flush = ? AND {_IN_RANGE} ORDER BY publication_key, text, label",
        (flush, *bounds),
    )
    publications, entities, _, _ = _take(connection, found, None)
    if digest(publications, entities) != expected:
        raise CorruptJournalError(
            f"part {number} of flush {flush} is not what was written: the journal is damaged. "
            "Check the disk; restore the data directory, or start with an empty one"
        )
    return Part(_meta(connection).journal_id, flush, number, expected, publications, entities)


def part_done(connection: sqlite3.Connection, flush: int, number: int) -> bool:
    """Delete the rows of a part that the sink applied; return whether the flush is complete.

    Completing it moves applied_offset of each upload to what next_offset was at the cut. A part
    that is done already, also of an earlier flush, changes nothing and returns False.
    """
    bounds = connection.execute(
        "UPDATE parts SET done = 1 WHERE flush = ? AND part = ? AND NOT done RETURNING "
        "first_key, first_text, first_label, last_key, last_text, last_label",
        (flush, number),
    ).fetchall()
    if not bounds:
        return False
    failpoints.reach("before-deleting")
    connection.execute(f"DELETE FROM pending WHERE flush = ? AND {_IN_RANGE}", (flush, *bounds[0]))
    found = open_flush(connection)
    if found is None or found.undone or not found.planned:
        return False
    connection.execute(
        "UPDATE uploads SET applied_offset = flush_uploads.offset FROM flush_uploads "
        "WHERE uploads.upload_id = flush_uploads.upload_id"
    )
    connection.execute("DELETE FROM flush_uploads")
    connection.execute("UPDATE meta SET flush_open = 0")
    return True


def expirable(connection: sqlite3.Connection, limit: int) -> Expiry | None:
    """Return at most `limit` parts of the oldest complete flush whose receipts still stand."""
    at = position(connection)
    numbers = connection.execute(
        "SELECT flush, part FROM parts WHERE flush = "
        "(SELECT MIN(flush) FROM parts WHERE flush <= ?) ORDER BY part LIMIT ?",
        (at.last_completed, limit),
    ).fetchall()
    if not numbers:
        return None
    return Expiry(at.journal_id, numbers[0][0], tuple(number for _, number in numbers))


def forget(connection: sqlite3.Connection, expiry: Expiry) -> None:
    """Drop parts whose receipts were told to expire. Doing it again changes nothing."""
    connection.executemany(
        "DELETE FROM parts WHERE flush = ? AND part = ?",
        [(expiry.flush, number) for number in expiry.numbers],
    )


_IN_RANGE = (
    "(publication_key, text, label) >= (?, ?, ?) AND (publication_key, text, label) <= (?, ?, ?)"
)


def _meta(connection: sqlite3.Connection) -> _Meta:
    journal_id, last_flush, is_open, planned = connection.execute(
        "SELECT journal_id, last_flush, flush_open, flush_planned FROM meta"
    ).fetchone()
    return _Meta(journal_id, last_flush, bool(is_open), bool(planned))


def _take(
    connection: sqlite3.Connection, found: Iterable[_Row], limits: PartLimits | None
) -> tuple[list[PublicationRow], list[EntityRow], list[Any], bool]:
    """Take rows up to the limits: (publications, entities, rows taken, whether more are left)."""
    publications: list[PublicationRow] = []
    entities: list[EntityRow] = []
    taken: list[_Row] = []
    size = 0
    for row in found:
        key, text, label, mentions, articles, spelling = row
        name = spelling or "" if text else _name(connection, key)
        size += len(f"{key}{name}{text}{label}".encode())
        if limits and taken and (len(taken) == limits.rows or size > limits.size_bytes):
            return publications, entities, taken, True
        taken.append(row)
        if text:
            entities.append(EntityRow(*row))
        else:
            publications.append(PublicationRow(key, name, mentions, articles))
    return publications, entities, taken, False


def _name(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT name FROM publications WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise CorruptJournalError(
            "a pending publication has no name: the journal is damaged. Check the disk; restore "
            "the data directory, or start with an empty one"
        )
    return str(row[0])
