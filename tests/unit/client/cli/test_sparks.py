"""Sparklines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally.cli.output.sparks import BLOCKS, PLAIN, binned, per_sign, signs_for, spark

NUMBERS = st.lists(st.integers(0, 1_000), max_size=200)


@given(NUMBERS, st.integers(1, 80), st.sampled_from([BLOCKS, PLAIN]))
def test_nothing_is_lost_and_nothing_hidden(numbers: list[int], width: int, signs: str) -> None:
    """It fits; what is there never looks like nothing; the most is the highest sign."""
    line = spark(numbers, width, signs=signs)
    sums = binned(numbers, width)
    assert len(line) == len(sums) <= width
    assert sum(sums) == sum(numbers)
    assert len(sums) == -(-len(numbers) // per_sign(len(numbers), width))
    assert all((sign == signs[0]) == (number == 0) for sign, number in zip(line, sums, strict=True))
    order = sorted(range(len(sums)), key=lambda place: sums[place])
    heights = [signs.index(line[place]) for place in order]
    assert heights == sorted(heights)
    if sum(numbers):
        assert signs[-1] in line


@pytest.mark.parametrize(
    ("encoding", "signs"), [("utf-8", BLOCKS), ("ascii", PLAIN), (None, PLAIN), ("cp1252", PLAIN)]
)
def test_signs_are_those_that_can_be_written(encoding: str | None, signs: str) -> None:
    """A terminal without Unicode gets ASCII."""
    assert signs_for(encoding) == signs
