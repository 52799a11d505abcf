"""Adds up rollups: which blocks make up some days, and what each entity has in them."""

import sqlite3
from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newstally_persister.sinks.derived.entries import CODE_SQL, LABEL_BITS
from newstally_persister.sinks.derived.keeping import ENTRIES
from newstally_persister.sinks.derived.rollups import LEVELS

ENTRIES_LIMIT = 12_000_000
"""What one question reads at most: 192 MB, about half a second."""
_AT_A_TIME = 65_536
"""Entries that are added up at a time."""
_ENTITIES_AT_A_TIME = 1 << 22
"""Entities that are held at a time: 16 bytes each."""
_ROWS = -1
"""Instead of a level: rows of entity_days, of days that are not covered."""
_Numbers = NDArray[np.int64]
Span = tuple[int, int, int]
"""(level, first block, last block)."""


class TooMuchError(Exception):
    """More would have to be read than one question may."""


class Sums(NamedTuple):
    """What entities have within some days, over all publications; those with any, ascending."""

    entities: _Numbers
    mentions: _Numbers
    articles: _Numbers


def sums_between(
    connection: sqlite3.Connection,
    first: int,
    last: int,
    label: int | None = None,
    limit: int = ENTRIES_LIMIT,
) -> Sums:
    """Add up these days, of one label or of all. Raises TooMuchError."""
    first, last = connection.execute(
        "SELECT coalesce(min(day), 0), coalesce(max(day), -1) FROM rolled_days "
        "WHERE day BETWEEN ? AND ?",
        (first, last),
    ).fetchone()
    uncovered = connection.execute(
        "SELECT day FROM rolled_days WHERE day BETWEEN ? AND ? AND written <> covered",
        (first, last),
    )
    spans = cover(first, last, {day for (day,) in uncovered})
    if sum(_size(connection, span) for span in spans) > limit:
        raise TooMuchError
    (names,) = connection.execute("SELECT coalesce(max(entity), 0) FROM entity_names").fetchone()
    found = []
    for low in range(0, names + 1, _ENTITIES_AT_A_TIME):
        dense = _Dense(low, min(_ENTITIES_AT_A_TIME, names + 1 - low), names, label)
        for codes, *counts in _read(connection, spans):
            dense.add(codes, *counts)
        found.append(dense.sums())
    return Sums(*(np.concatenate(each) for each in zip(*found, strict=True)))


def cover(first: int, last: int, uncovered: Collection[int]) -> list[Span]:
    """Return the fewest spans that are exactly these days. Pure."""
    apart = {(level, day >> level) for day in uncovered for level in LEVELS}
    blocks: list[tuple[int, int]] = []
    day = first
    while day <= last:
        level = max(
            (
                level
                for level in LEVELS
                if not day % (1 << level)
                and day + (1 << level) - 1 <= last
                and (level, day >> level) not in apart
            ),
            default=_ROWS,
        )
        blocks.append((level, day >> max(0, level)))
        day += 1 << max(0, level)
    spans: list[Span] = []
    for _, some in groupby(enumerate(blocks), lambda each: (each[1][0], each[1][1] - each[0])):
        run = [block for _, block in some]
        spans.append((run[0][0], run[0][1], run[-1][1]))
    return spans


def _size(connection: sqlite3.Connection, span: Span) -> int:
    if span[0] == _ROWS:
        return 0  # bounded by the steps of SQLite's machine
    found = connection.execute(
        "SELECT total(size) FROM rollups WHERE level = ? AND block BETWEEN ? AND ?", span
    ).fetchone()
    return int(found[0])


def _read(
    connection: sqlite3.Connection, spans: list[Span]
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield (codes, mentions, articles), some at a time."""
    for span in spans:
        if span[0] == _ROWS:
            rows = connection.execute(
                f"SELECT {CODE_SQL}, mentions, articles FROM entity_days WHERE day BETWEEN ? AND ?",
                span[1:],
            )
            while some := rows.fetchmany(_AT_A_TIME):
                table = np.array(some, np.int64)
                yield table[:, 0], table[:, 1], table[:, 2]
            continue
        waiting: list[bytes] = []
        size = 0
        for entries, number in connection.execute(
            "SELECT entries, size FROM rollups WHERE level = ? AND block BETWEEN ? AND ?", span
        ):
            waiting.append(entries)
            size += number
            if size >= _AT_A_TIME:
                yield _columns(waiting)
                waiting, size = [], 0
        yield _columns(waiting)


def _columns(runs: list[bytes]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    joined = runs[0] if len(runs) == 1 else b"".join(runs)
    entries = np.frombuffer(joined, ENTRIES)
    return entries["code"].view(np.int64), entries["mentions"], entries["articles"]


class _Dense:
    """Sums of entities, by number, from `low` on."""

    def __init__(self, low: int, number: int, last: int, label: int | None) -> None:
        """`last` is the last of all, whether it is among these or not."""
        self._low = low
        self._all = number == last + 1
        self._label = label
        self._mentions = np.zeros(number, np.int64)
        self._articles = np.zeros(number, np.int64)

    def add(self, codes: _Numbers, mentions: NDArray[Any], articles: NDArray[Any]) -> None:
        places = codes & ((1 << LABEL_BITS) - 1)
        if not self._all or self._label is not None:
            places -= self._low
            wanted = (places >= 0) & (places < len(self._mentions))
            if self._label is not None:
                wanted &= codes >> LABEL_BITS == self._label
            places, mentions, articles = places[wanted], mentions[wanted], articles[wanted]
        np.add.at(self._mentions, places, mentions.astype(np.int64))
        np.add.at(self._articles, places, articles.astype(np.int64))

    def sums(self) -> Sums:
        some = np.flatnonzero(self._mentions)
        return Sums(some + self._low, self._mentions[some], self._articles[some])
