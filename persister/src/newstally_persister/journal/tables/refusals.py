"""Refusals: the first of an upload are kept one by one, later ones as ranges of offsets by reason.

They are kept for ever. One by one, a client that sends nothing else fills the disk in an hour.
"""

import sqlite3
from collections.abc import Sequence

from newstally_persister.values import daily
from newstally_persister.values.batches import Refusal, RefusalRange
from newstally_persister.values.uploads import Upload

LISTED_LIMIT = 10_000
"""Refusals of one upload that are kept one by one."""
DAILY_LIMIT = 100_000
"""Refusals of all uploads of one owner that are kept one by one in a day (UTC)."""
RANGES_LIMIT = 1_000
"""Ranges of one upload and reason. After that the last one grows over what lies between."""


def write(
    connection: sqlite3.Connection, upload: Upload, refusals: Sequence[Refusal], day: int
) -> None:
    """Keep more refusals of an upload, as it was before them. `day` is counted from 1970, UTC."""
    if not refusals:
        return
    upload_id = upload.upload_id
    room = _take_room(connection, upload, len(refusals), day)
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


def _take_room(connection: sqlite3.Connection, upload: Upload, wanted: int, day: int) -> int:
    """Return how many more of an upload are kept one by one, and note them."""
    row = connection.execute(
        "SELECT day, refusals FROM listed_refusals WHERE owner = ?", (upload.owner,)
    ).fetchone()
    day, listed = daily.so_far(row, day)
    room = max(0, min(wanted, LISTED_LIMIT - upload.refused, DAILY_LIMIT - listed))
    if room:
        connection.execute(
            "INSERT INTO listed_refusals VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET day = excluded.day, refusals = excluded.refusals",
            (upload.owner, day, listed + room),
        )
    return room


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
