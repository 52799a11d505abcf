"""Adds up rollups: what each entity has within some days."""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from newstally_persister.sinks.derived.covering import ROWS, Span, cover, outermost, widen
from newstally_persister.sinks.derived.entries import CODE_SQL, ENTRY, LABEL_BITS
from newstally_persister.sinks.derived.keeping import ENTRIES

ENTRIES_LIMIT = 12_000_000
"""What one question reads at most: 192 MB, about half a second."""
_AT_A_TIME = 16_384
"""Entries that are added up at a time."""
_ENTITIES_AT_A_TIME = 1 << 22
"""Entities that are held at a time: 16 bytes each."""
_Numbers = NDArray[np.int64]


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
    spans = spans_between(connection, first, last)
    if sum(_size(connection, span) for span in spans) > limit:
        raise TooMuchError
    (names,) = connection.execute("SELECT coalesce(max(entity), 0) FROM entity_names").fetchone()
    found = []
    for low in range(0, names + 1, _ENTITIES_AT_A_TIME):
        dense = _Dense(low, min(_ENTITIES_AT_A_TIME, names + 1 - low), names, label)
        for span in spans:
            for codes, *counts in _read(connection, span):
                dense.add(codes, *counts, sign=span.sign)
        found.append(dense.sums())
    return Sums(*(np.concatenate(each) for each in zip(*found, strict=True)))


def spans_between(connection: sqlite3.Connection, first: int, last: int) -> list[Span]:
    """Return the blocks that add up to these days, as few entries as there are."""
    known_first, known_last = connection.execute(
        "SELECT (SELECT min(day) FROM rolled_days), (SELECT max(day) FROM rolled_days)"
    ).fetchone()
    if known_first is None:
        return []
    first, last = widen(first, last, known_first, known_last)
    uncovered = connection.execute(
        "SELECT day FROM rolled_days WHERE day BETWEEN ? AND ? AND written <> covered",
        outermost(first, last),
    )

    def size(level: int, block: int) -> int:
        return _size(connection, Span(level, block, block, 1))

    return cover(first, last, {day for (day,) in uncovered}, size)


def _size(connection: sqlite3.Connection, span: Span) -> int:
    if span.level == ROWS:
        return 0  # bounded by the steps of SQLite's machine
    found = connection.execute(
        "SELECT total(size) FROM rollups WHERE level = ? AND block BETWEEN ? AND ?", span[:3]
    ).fetchone()
    return int(found[0])


def _read(
    connection: sqlite3.Connection, span: Span
) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield (codes, mentions, articles), some at a time."""
    if span.level == ROWS:
        rows = connection.execute(
            f"SELECT {CODE_SQL}, mentions, articles FROM entity_days WHERE day BETWEEN ? AND ?",
            (span.first, span.last),
        )
        while some := rows.fetchmany(_AT_A_TIME):
            table = np.array(some, np.int64)
            yield table[:, 0], table[:, 1], table[:, 2]
        return
    waiting: list[bytes] = []
    size = 0
    for run, number, entries in connection.execute(
        "SELECT run, size, CASE WHEN size <= ? THEN entries END FROM rollups "
        "WHERE level = ? AND block BETWEEN ? AND ?",
        (_AT_A_TIME, *span[:3]),
    ):
        if entries is None:
            # Piece by piece: fresh memory for all of it would take a quarter of the time.
            with connection.blobopen("rollups", "entries", run, readonly=True) as blob:
                while piece := blob.read(_AT_A_TIME * ENTRY.size):
                    yield _columns(piece)
            continue
        waiting.append(entries)
        size += number
        if size >= _AT_A_TIME:
            yield _columns(b"".join(waiting))
            waiting, size = [], 0
    yield _columns(b"".join(waiting))


def _columns(packed: bytes) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    entries = np.frombuffer(packed, ENTRIES)
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

    def add(
        self, codes: _Numbers, mentions: NDArray[Any], articles: NDArray[Any], *, sign: int
    ) -> None:
        places = codes & ((1 << LABEL_BITS) - 1)
        if not self._all or self._label is not None:
            places -= self._low
            wanted = (places >= 0) & (places < len(self._mentions))
            if self._label is not None:
                wanted &= codes >> LABEL_BITS == self._label
            places, mentions, articles = places[wanted], mentions[wanted], articles[wanted]
        add = np.add if sign > 0 else np.subtract
        add.at(self._mentions, places, mentions.astype(np.int64))
        add.at(self._articles, places, articles.astype(np.int64))

    def sums(self) -> Sums:
        some = np.flatnonzero(self._mentions)
        return Sums(some + self._low, self._mentions[some], self._articles[some])
