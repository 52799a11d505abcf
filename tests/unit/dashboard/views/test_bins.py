"""Days put together to weeks, months or years."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.views.bins import MOST_POINTS, By, spread, suited
from newstally_protos.v1.tally_pb2 import DayTally


def tallies(*periods: str) -> list[DayTally]:
    return [DayTally(period=each, mentions=3, articles=2, counted_articles=10) for each in periods]


def test_points_without_holes() -> None:
    """A day without articles is a day with none, for each of several histories."""
    one, other = spread([tallies("2026-01-01", "2026-01-04"), tallies("2026-01-02")], By.DAY)
    assert [each.begin for each in one] == [f"2026-01-0{day}" for day in (1, 2, 3, 4)]
    assert [each.mentions for each in one] == [3, 0, 0, 3]
    assert [each.mentions for each in other] == [0, 3, 0, 0]
    assert one[0].per_hundred == 30
    assert one[1].per_hundred is None


@pytest.mark.parametrize(
    ("by", "begins"),
    [
        (By.WEEK, ["2025-12-29", "2026-01-05"]),  # Mondays
        (By.MONTH, ["2025-12", "2026-01"]),
        (By.YEAR, ["2025", "2026"]),
    ],
)
def test_what_is_put_together(by: By, begins: list[str]) -> None:
    """Weeks begin on Monday."""
    (found,) = spread([tallies("2025-12-31", "2026-01-11")], by)
    assert [each.begin for each in found] == begins
    assert [each.counted for each in found] == [10, 10]


def test_the_points_suit_the_span() -> None:
    """And what is told by months is not shown by days."""
    assert suited([[]]) is By.DAY
    assert suited([tallies("2026-01-01", "2026-03-01")]) is By.DAY
    assert suited([tallies("2026-01-01"), tallies("2026-12-01")]) is By.WEEK
    assert suited([tallies("2019-01", "2019-02-03")]) is By.MONTH
    assert suited([tallies("1900-01-01", "2026-01-01")]) is By.YEAR


@given(
    st.lists(st.dates(), min_size=1, max_size=8, unique=True),
    st.sampled_from(By),
)
def test_nothing_is_lost_or_counted_twice(days: list[date], by: By) -> None:
    """Whatever the days: from the year 1 to 9999."""
    (found,) = spread([tallies(*map(str, sorted(days)))], by)
    assert sum(each.mentions for each in found) == 3 * len(days)
    assert len(found) <= MOST_POINTS
    begins = [each.begin for each in found]
    assert begins == sorted(set(begins))


def test_a_long_span_has_no_more_points_than_can_be_drawn() -> None:
    """Then only those that have articles."""
    far = date(2026, 1, 1) - timedelta(days=MOST_POINTS + 10)
    (found,) = spread([tallies(str(far), "2026-01-01")], By.DAY)
    assert [each.begin for each in found] == [str(far), "2026-01-01"]
