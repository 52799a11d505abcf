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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newstally_persister import failpoints
from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.journal.tables import days, pending, schema, set_aside
from newstally_persister.journal.tables.days import Bounds
from newstally_persister.values.parts import (
    EntityRow,
    Part,
    PartLimits,
    PublicationRow,
    Row,
    days_digest,
    digest,
)
from newstally_persister.values.progress import Expiry, OpenFlush, Position, Progress

_BOUNDS = "first_key, first_text, first_label, last_key, last_text, last_label"


@dataclass(frozen=True, slots=True)
class _Meta:
    journal_id: str
    last_flush: int
    is_open: bool
    planned: bool


def progress(connection: sqlite3.Connection) -> Progress:
    """Return where a flusher begins."""
    return Progress(
        position(connection),
        open_flush(connection),
        has_unapplied(connection),
        set_aside.count(connection),
    )


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
    voiding = connection.execute("SELECT part FROM voiding WHERE flush = ?", (meta.last_flush,))
    return OpenFlush(
        meta.last_flush,
        tuple(number for (number,) in undone),
        meta.planned,
        frozenset(number for (number,) in voiding),
    )


def has_unapplied(connection: sqlite3.Connection) -> bool:
    """Return whether rows wait, or an upload has settled offsets that are not applied."""
    return bool(
        connection.execute(
            "SELECT EXISTS (SELECT 1 FROM uploads WHERE applied_offset < next_offset) "
            "OR EXISTS (SELECT 1 FROM pending)"
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
    set_aside.collect(connection, number)
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
    after = ("", "", "")
    last = connection.execute(
        "SELECT last_key, last_text, last_label FROM parts WHERE flush = :flush AND part NOT IN "
        "(SELECT part FROM replanned WHERE flush = :flush) ORDER BY part DESC LIMIT 1",
        {"flush": meta.last_flush},
    ).fetchone()
    if last is not None:
        after = last
    # No row sorts at or below ("", "", ""): a publication's key is never blank.
    found = pending.behind(connection, meta.last_flush, after, limits.rows + 1)
    rows, more = _take(found, limits)
    if not more:
        connection.execute("UPDATE meta SET flush_planned = 1")
    return fix_part(connection, flush, rows)


def fix_part(connection: sqlite3.Connection, flush: int, rows: Sequence[Row]) -> Part:
    """Fix neighbouring rows of the open flush as its next part."""
    (last,) = connection.execute("SELECT max(part) FROM parts WHERE flush = ?", (flush,)).fetchone()
    publications, entities = _split(rows)
    part = Part(
        journal_id=_meta(connection).journal_id,
        flush=flush,
        number=(last or 0) + 1,
        digest=digest(publications, entities),
        publications=publications,
        entities=entities,
    )
    connection.execute(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (part.flush, part.number, *pending.key(rows[0]), *pending.key(rows[-1]), part.digest),
    )
    days.fix(connection, part.flush, part.number, days_digest(publications, entities))
    return part


def read_part(connection: sqlite3.Connection, flush: int, number: int) -> Part:
    """Return a part that was planned and is not done, unchanged.

    Raises CorruptJournalError when its rows are not what its digest says.
    """
    where = bounds(connection, flush, number)
    (expected,) = connection.execute(
        "SELECT digest FROM parts WHERE flush = ? AND part = ?", (flush, number)
    ).fetchone()
    publications, entities = _split([*pending.between(connection, flush, where)])
    planned = days.fixed(connection, flush, number)
    if digest(publications, entities) != expected or (
        planned is not None and days_digest(publications, entities) != planned
    ):
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
    where = connection.execute(
        f"UPDATE parts SET done = 1 WHERE flush = ? AND part = ? AND NOT done RETURNING {_BOUNDS}",
        (flush, number),
    ).fetchall()
    if not where:
        return False
    failpoints.reach("before-deleting")
    connection.execute("DELETE FROM voiding WHERE flush = ? AND part = ?", (flush, number))
    pending.delete(connection, flush, where[0])
    return complete_if_done(connection)


def complete_if_done(connection: sqlite3.Connection) -> bool:
    """Complete the open flush if all of it is planned and done; return whether it is."""
    found = open_flush(connection)
    if found is None or found.undone or not found.planned:
        return False
    connection.execute(
        "UPDATE uploads SET applied_offset = flush_uploads.offset FROM flush_uploads "
        "WHERE uploads.upload_id = flush_uploads.upload_id"
    )
    connection.execute("DELETE FROM flush_uploads")
    connection.execute("DELETE FROM replanned")
    days.forget(connection, found.flush)
    connection.execute("UPDATE meta SET flush_open = 0")
    schema.hold(connection, held=False)
    return True


def bounds(connection: sqlite3.Connection, flush: int, number: int) -> Bounds:
    """Return the keys of the first and the last row of a part that is planned and not done."""
    row: Bounds | None = connection.execute(
        f"SELECT {_BOUNDS} FROM parts WHERE flush = ? AND part = ? AND NOT done", (flush, number)
    ).fetchone()
    if row is None:
        raise ValueError(f"part {number} of flush {flush} is not planned, or done")
    return row


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


def _meta(connection: sqlite3.Connection) -> _Meta:
    journal_id, last_flush, is_open, planned = connection.execute(
        "SELECT journal_id, last_flush, flush_open, flush_planned FROM meta"
    ).fetchone()
    return _Meta(journal_id, last_flush, bool(is_open), bool(planned))


def _take(found: Iterable[Row], limits: PartLimits) -> tuple[list[Row], bool]:
    """Take rows up to the limits: (rows taken, whether more are left)."""
    taken: list[Row] = []
    size = 0
    most, size_bytes, weigh = limits.rows, limits.size_bytes, limits.weigh
    for row in found:
        size += weigh(row)
        if taken and (len(taken) == most or size > size_bytes):
            return taken, True
        taken.append(row)
    return taken, False


def _split(rows: Sequence[Row]) -> tuple[list[PublicationRow], list[EntityRow]]:
    return (
        [row for row in rows if isinstance(row, PublicationRow)],
        [row for row in rows if isinstance(row, EntityRow)],
    )
