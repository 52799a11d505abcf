"""What is compared with what, where nobody says it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks.questions.asked import (
    EARLIEST_DAY,
    LATEST_DAY,
    NothingComparableError,
    Period,
    iso_day,
    periods,
)

DAYS = st.integers(EARLIEST_DAY, LATEST_DAY) | st.integers(EARLIEST_DAY, EARLIEST_DAY + 40)


def test_a_week_and_the_four_before() -> None:
    """Up to the last day with articles."""
    latest = date(2026, 11, 21).toordinal() - date(1970, 1, 1).toordinal()
    days, base = periods(None, None, latest)
    assert (iso_day(days.first), iso_day(days.last)) == ("2026-11-15", "2026-11-21")
    assert (iso_day(base.first), iso_day(base.last)) == ("2026-10-18", "2026-11-14")
    with pytest.raises(NothingComparableError, match="no article has a day"):
        periods(None, None, None)


@given(DAYS)
def test_whatever_the_last_day_it_is_within_the_calendar(latest: int) -> None:
    """Articles may be of the year 1; where nothing is before, that is told."""
    try:
        days, base = periods(None, None, latest)
    except NothingComparableError:
        assert latest < EARLIEST_DAY + 7
        return
    assert EARLIEST_DAY <= base.first <= base.last == days.first - 1 < days.last == latest
    assert iso_day(base.first) <= iso_day(days.last)


def test_the_first_day_can_be_compared_with_days_that_are_named() -> None:
    """But with none before it."""
    first, later = Period(EARLIEST_DAY, EARLIEST_DAY), Period(0, 6)
    assert periods(first, later, None) == (first, later)
    with pytest.raises(NothingComparableError, match="no day before 0001-01-01"):
        periods(first, None, None)
