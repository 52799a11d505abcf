"""What a text is going to cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.core.costs import estimate_cost


@given(st.text())
def test_between_its_length_and_five_times_that(text: str) -> None:
    """So that nothing counts as less than prose, and nothing for more than it can cost."""
    assert len(text) <= estimate_cost(len(text), text.encode()) <= 5 * len(text)


@pytest.mark.parametrize(
    ("text", "cost"),
    [("", 0), ("two words", 9), ("Köln 漢字", 7), ("no!", 6), ("=" * 10, 48), ("“a”", 3)],
)
def test_signs_are_words_of_their_own(text: str, cost: int) -> None:
    """A sign counts almost five times; letters of any language once."""
    assert estimate_cost(len(text), text.encode()) == cost


def test_prose_costs_its_length() -> None:
    """What signs it usually has are no surcharge: batches are as large as they were."""
    prose = "The minister said on Monday, as expected, that Berlin would wait for the report. " * 20
    assert estimate_cost(len(prose), prose.encode()) == len(prose)
