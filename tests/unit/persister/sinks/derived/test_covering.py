"""Covering days: each once, with as little to read as there is."""

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks.derived.covering import ROWS, Span, cover, outermost, widen

DAYS = st.integers(-2_100, 2_100) | st.integers(-3, 3)
RANGES = st.tuples(DAYS, DAYS).map(sorted)
Size = Callable[[int, int], int]


def of_block(level: int, block: int) -> int:
    """Return how many entries a block has: what is said again within it is one entry."""
    return 100 + (1 << level) + abs(block) % 2


SIZES = st.functions(like=of_block, returns=st.integers(0, 1_000), pure=True) | st.just(of_block)


def entries(spans: list[Span], size: Size) -> int:
    """Return how many entries are read."""
    return sum(
        size(span.level, block)
        for span in spans
        for block in range(span.first, span.last + 1)
        if span.level != ROWS
    )


@given(RANGES, st.sets(DAYS, max_size=30), SIZES)
def test_spans_are_the_days_each_once(ends: list[int], uncovered: set[int], size: Size) -> None:
    """Whatever is subtracted; rows are read of all that is not covered, and of nothing else."""
    first, last = ends
    low, high = outermost(first, last)
    days: Counter[int] = Counter()
    for level, begin, end, sign in cover(first, last, uncovered, size):
        width = 1 << max(level, 0)
        some = range(begin * width, (end + 1) * width)
        assert low <= some[0] <= some[-1] <= high
        assert (level == ROWS) == bool(uncovered.intersection(some))
        if level == ROWS:
            assert sign == 1
            assert uncovered.issuperset(some)
        for day in some:
            days[day] += sign
    assert +days == Counter(range(first, last + 1))
    assert not -days


@given(RANGES, SIZES)
def test_no_more_is_read_than_day_by_day_or_month_by_month(ends: list[int], size: Size) -> None:
    """The largest blocks that fit are one of the ways."""
    first, last = ends
    read = entries(cover(first, last, [], size), size)
    fitting, day = 0, first
    while day <= last:
        level = max(
            level
            for level in (0, 5, 10)
            if not day % (1 << level) and day + (1 << level) - 1 <= last
        )
        fitting += size(level, day >> level)
        day += 1 << level
    assert read <= fitting


def test_whole_blocks_are_few_spans() -> None:
    """A year is its months, and the days at both ends, or a month less a few days."""
    assert cover(0, 3 * 1024 + 40, [], of_block) == [
        Span(10, 0, 2, 1),
        Span(5, 96, 96, 1),
        Span(0, 3104, 3112, 1),
    ]
    assert cover(-33, 32, [], of_block) == [
        Span(5, -1, 0, 1),
        Span(0, -33, -33, 1),
        Span(0, 32, 32, 1),
    ]
    assert cover(0, 30, [], of_block) == [Span(5, 0, 0, 1), Span(0, 31, 31, -1)]
    assert cover(0, 30, [31], of_block) == [Span(0, 0, 30, 1)]
    assert cover(32, 1021, [], of_block) == [
        Span(10, 0, 0, 1),
        Span(5, 0, 0, -1),
        Span(0, 1022, 1023, -1),
    ]
    assert cover(1, 0, [], of_block) == []


@given(RANGES, RANGES)
def test_beyond_what_is_known_blocks_are_whole(ends: list[int], known: list[int]) -> None:
    """The days that are known stay the same."""
    days = range(known[0], known[1] + 1)
    first, last = widen(*ends, *known)
    assert [d for d in days if first <= d <= last] == [d for d in days if ends[0] <= d <= ends[1]]
    if ends[0] <= known[0] and ends[1] >= known[1]:
        assert first % 1_024 == 0
        assert last % 1_024 == 1_023
