"""Which blocks of rollups make up some days, with the fewest entries to read. Pure.

Days are whole blocks and what is left of the blocks at both ends: smaller ones, or the larger one
less what is beyond the days, whichever is less.
"""

from collections.abc import Callable, Collection, Iterator
from functools import cache
from itertools import groupby
from typing import NamedTuple

from newstally_persister.sinks.derived.rollups import LEVELS

ROWS = -1
"""Instead of a level: rows of entity_days, of days that are not covered."""
_WIDEST = 1 << LEVELS[-1]


class Span(NamedTuple):
    """Blocks that follow one another."""

    level: int
    first: int
    last: int
    sign: int
    """1: they are added; -1: they are subtracted."""


class _Block(NamedTuple):
    level: int
    block: int
    sign: int


class _Way(NamedTuple):
    """Blocks that add up to some days, and how many entries they have."""

    size: int
    blocks: tuple[_Block, ...]


_NOTHING = _Way(0, ())


def widen(first: int, last: int, known_first: int, known_last: int) -> tuple[int, int]:
    """Return days with the same tallies, to the ends of blocks where nothing is known beyond."""
    first, last = max(first, known_first), min(last, known_last)
    if first == known_first:
        first -= first % _WIDEST
    if last == known_last:
        last |= _WIDEST - 1
    return first, last


def outermost(first: int, last: int) -> tuple[int, int]:
    """Return the first and the last day of all blocks that may be read for these days."""
    return first - first % _WIDEST, last | (_WIDEST - 1)


def cover(
    first: int, last: int, uncovered: Collection[int], size: Callable[[int, int], int]
) -> list[Span]:
    """Return spans that add up to exactly these days.

    `uncovered` has all such days of the `outermost` blocks; `size` says how many entries a block
    (level, number) has.
    """
    finding = _Finding(uncovered, size)
    blocks = [
        each
        for block in range(first // _WIDEST, last // _WIDEST + 1)
        for each in finding.way(len(LEVELS) - 1, block, first, last).blocks
    ]
    spans: list[Span] = []
    blocks.sort(key=lambda each: (-each.sign, -each.level, each.block))
    for _, some in groupby(
        enumerate(blocks), lambda each: (each[1].sign, each[1].level, each[1].block - each[0])
    ):
        run = [block for _, block in some]
        spans.append(Span(run[0].level, run[0].block, run[-1].block, run[0].sign))
    return spans


class _Finding:
    """Finds the way of each block at the ends."""

    def __init__(self, uncovered: Collection[int], size: Callable[[int, int], int]) -> None:
        self._apart = {(level, day >> level) for day in uncovered for level in LEVELS}
        self._size = cache(size)

    def way(self, depth: int, block: int, first: int, last: int) -> _Way:
        """Return the way with the fewest entries to those of the days that are in a block."""
        level = LEVELS[depth]
        begin, end = block << level, ((block + 1) << level) - 1
        first, last = max(first, begin), min(last, end)
        if first > last:
            return _NOTHING
        covered = (level, block) not in self._apart
        if not depth and not covered:
            return _Way(0, (_Block(ROWS, block, 1),))  # bounded by the steps of SQLite's machine
        if covered and (first, last) == (begin, end):
            return _Way(self._size(level, block), (_Block(level, block, 1),))
        inner = _sum(self._ways(depth - 1, first, last))
        if not covered:
            return inner
        beyond = _sum(
            [*self._ways(depth - 1, begin, first - 1), *self._ways(depth - 1, last + 1, end)]
        )
        size = self._size(level, block) + beyond.size
        if size >= inner.size:
            return inner
        taken = tuple(each._replace(sign=-each.sign) for each in beyond.blocks)
        return _Way(size, (_Block(level, block, 1), *taken))

    def _ways(self, depth: int, first: int, last: int) -> Iterator[_Way]:
        level = LEVELS[depth]
        for block in range(first >> level, (last >> level) + 1):
            yield self.way(depth, block, first, last)


def _sum(ways: Iterator[_Way] | list[_Way]) -> _Way:
    some = list(ways)
    return _Way(sum(way.size for way in some), tuple(each for way in some for each in way.blocks))
