"""Refusals: the first of an upload are kept one by one, later ones as ranges of offsets by reason.

They are kept for ever. One by one, a client that sends nothing else fills the disk in an hour.
"""

import sqlite3
from collections.abc import Sequence

from newstally_persister.values.batches import Refusal, RefusalRange

LISTED_LIMIT = 10_000
"""Refusals of one upload that are kept one by one."""
RANGES_LIMIT = 1_000
"""Ranges of one upload and reason. After that the last one grows over what lies between."""


def write(
    connection: sqlite3.Connection, upload_id: str, refusals: Sequence[Refusal], refused: int
) -> None:
    """Keep more refusals of an upload, of which `refused` articles were refused before."""
    room = max(0, LISTED_LIMIT - refused)
    connection.executemany(
        "INSERT INTO refusals (upload_id, offset, article_id, reason, message) "
        "VALUES (?, ?, ?, ?, ?)",
        [(upload_id, *refusal) for refusal in refusals[:room]],
    )
    by_reason: dict[int, list[int]] = {}
    for refusal in refusals[room:]:
        by_reason.setdefault(refusal.reason, []).append(refusal.offset)
    for reason, offsets in by_reason.items():
        _extend(connection, upload_id, reason, offsets)


def ranges(connection: sqlite3.Connection, upload_id: str) -> list[RefusalRange]:
    """Return an upload's ranges by their first offset."""
    found = connection.execute(
        "SELECT first_offset, end_offset, reason, articles FROM refusal_ranges "
        "WHERE upload_id = ? ORDER BY first_offset",
        (upload_id,),
    )
    return [RefusalRange(*row) for row in found]


def _extend(
    connection: sqlite3.Connection, upload_id: str, reason: int, offsets: Sequence[int]
) -> None:
    number, last = connection.execute(
        "SELECT count(*), max(first_offset) FROM refusal_ranges WHERE upload_id = ? AND reason = ?",
        (upload_id, reason),
    ).fetchone()
    changed: list[list[int]] = []
    """[first, end, articles]"""
    if last is not None:
        row = connection.execute(
            "SELECT first_offset, end_offset, articles FROM refusal_ranges "
            "WHERE upload_id = ? AND reason = ? AND first_offset = ?",
            (upload_id, reason, last),
        ).fetchone()
        changed.append(list(row))
    for offset in offsets:
        if changed and (changed[-1][1] == offset or number >= RANGES_LIMIT):
            changed[-1][1] = offset + 1
            changed[-1][2] += 1
        else:
            changed.append([offset, offset + 1, 1])
            number += 1
    connection.executemany(
        "INSERT INTO refusal_ranges (upload_id, reason, first_offset, end_offset, articles) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET end_offset = excluded.end_offset, "
        "articles = excluded.articles",
        [(upload_id, reason, *each) for each in changed],
    )
