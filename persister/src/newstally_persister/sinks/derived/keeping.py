"""Merges runs of rollups, and repairs days that are not covered: step by step, beside the parts.

A block with many runs gets few again: all of them are merged, or all but the largest one while that
is more than twice the rest. So an entry is merged a few times, however many parts add to its block.
"""

import sqlite3
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newstally_persister.sinks.derived.entries import CODE_SQL, ENTRY
from newstally_persister.sinks.derived.rollups import append
from newstally_persister.sqlite.transactions import transaction

ENTRIES = np.dtype([("code", "<u8"), ("mentions", "<i4"), ("articles", "<i4")])
MOST_RUNS = 8
"""A block with so many runs is merged."""
IDLE_SHARE = 0.05
"""While nothing is applied, blocks are merged whole if that much of them is beside the largest."""
ENTRIES_A_STEP = 400_000
"""What one step reads: about 50 ms, in which no part is applied."""
MERGED_AT_MOST = 1_000_000
"""Entries of the runs that are merged at a time: 16 MB, and some of that in the log."""
_MOST = 2**31 - 1
_Numbers = NDArray[np.int64]


def step(
    connection: sqlite3.Connection, entries: int = ENTRIES_A_STEP, *, idle: bool = False
) -> bool:
    """Do some of what is due, in one transaction; return whether there was anything.

    `idle`: nothing is being applied, so that what is read more often than written is due, too.
    """
    with transaction(connection):
        left = entries
        due = connection.execute(
            "SELECT level, block FROM rollups GROUP BY level, block HAVING count(*) >= ? "
            "AND sum(size) - max(size) >= max(size) * ?",
            (2, IDLE_SHARE) if idle else (MOST_RUNS, 0),
        ).fetchall()
        for block in due:
            left -= _merge(connection, *block, whole=idle)
            if left <= 0:
                return True
        apart = connection.execute(
            "SELECT day FROM rolled_days WHERE written <> covered AND NOT large ORDER BY day DESC"
        ).fetchall()
        for (day,) in apart[:MOST_RUNS]:  # and then their runs are merged again
            left -= _repair(connection, day)
            if left <= 0:
                return True
        return left < entries


def summed(
    codes: NDArray[Any], mentions: _Numbers, articles: _Numbers
) -> tuple[NDArray[Any], _Numbers, _Numbers]:
    """Return the sums of each code, by code; codes of which nothing is left are left out."""
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]][: len(codes)])
    if not len(starts):
        return codes, mentions, articles
    sums = [np.add.reduceat(each[order], starts) for each in (mentions, articles)]
    kept = (sums[0] != 0) | (sums[1] != 0)
    return codes[starts][kept], sums[0][kept], sums[1][kept]


def _repair(connection: sqlite3.Connection, day: int) -> int:
    """Append what the rows of a day have beyond its runs; return how much was read."""
    rows = connection.execute(
        f"SELECT {CODE_SQL}, mentions, articles FROM entity_days WHERE day = ?", (day,)
    ).fetchall()
    truth = np.array(rows, np.int64).reshape(-1, 3)
    held = _entries(
        connection.execute("SELECT entries FROM rollups WHERE level = 0 AND block = ?", (day,))
    )
    codes, mentions, articles = summed(
        np.concatenate([truth[:, 0], held["code"].astype(np.int64)]),
        np.concatenate([truth[:, 1], -held["mentions"].astype(np.int64)]),
        np.concatenate([truth[:, 2], -held["articles"].astype(np.int64)]),
    )
    # Also each by itself: a sum of large numbers may run over, and look as if it were a small one.
    if _fit(truth[:, 1], truth[:, 2], mentions, articles):
        if len(codes):
            append(connection, {day: _packed(codes, mentions, articles)})
        connection.execute("UPDATE rolled_days SET covered = written WHERE day = ?", (day,))
    else:
        connection.execute("UPDATE rolled_days SET large = 1 WHERE day = ?", (day,))
    return len(truth) + len(held) + 1


def _merge(connection: sqlite3.Connection, level: int, block: int, *, whole: bool) -> int:
    """Make one run of some of a block's; return how much was read."""
    sizes = connection.execute(
        "SELECT run, size FROM rollups WHERE level = ? AND block = ? ORDER BY size, run",
        (level, block),
    ).fetchall()
    chosen = [
        run
        for (run, _), total in zip(sizes, accumulate(size for _, size in sizes), strict=True)
        if total <= MERGED_AT_MOST
    ]
    rest = sum(size for _, size in sizes[: len(chosen) - 1])
    if not whole and len(chosen) == len(sizes) and sizes[-1][1] > 2 * rest:
        chosen.pop()
    if len(chosen) < 2:
        return 0
    runs = [
        (run, *connection.execute("SELECT entries FROM rollups WHERE run = ?", (run,)).fetchone())
        for run in chosen
    ]
    found = _entries((entries,) for _, entries in runs)
    codes, mentions, articles = summed(
        found["code"], found["mentions"].astype(np.int64), found["articles"].astype(np.int64)
    )
    # Sums that do not fit stand side by side.
    fits = _fit(mentions, articles)
    entries = _packed(codes, mentions, articles) if fits else found.tobytes()
    connection.executemany("DELETE FROM rollups WHERE run = ?", [(run,) for run, _ in runs])
    connection.execute(
        "INSERT INTO rollups (level, block, size, entries) VALUES (?, ?, ?, ?)",
        (level, block, len(entries) // ENTRY.size, entries),
    )
    return len(found) + 1


def _entries(rows: Any) -> NDArray[Any]:
    return np.frombuffer(b"".join(entries for (entries,) in rows), ENTRIES)


def _fit(*counts: _Numbers) -> bool:
    return all(bool(((each >= -_MOST) & (each <= _MOST)).all()) for each in counts)


def _packed(codes: NDArray[Any], mentions: _Numbers, articles: _Numbers) -> bytes:
    entries = np.empty(len(codes), ENTRIES)
    entries["code"], entries["mentions"], entries["articles"] = codes, mentions, articles
    return entries.tobytes()
