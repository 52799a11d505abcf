"""Periods as addresses say them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.addresses.periods import period_of
from newstally_dashboard.addresses.reading import AddressError
from starlette.datastructures import QueryParams

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("query", "first", "last", "said"),
    [
        ("", "", "", "all days"),
        ("period=all", "", "", "all days"),
        ("period=7d", "2026-11-15", "2026-11-21", "2026-11-15 to 2026-11-21"),
        ("period=90d", "2026-08-24", "2026-11-21", "2026-08-24 to 2026-11-21"),
        ("from=2026-01-02", "2026-01-02", "", "from 2026-01-02 on"),
        ("to=2026-01-02", "", "2026-01-02", "up to 2026-01-02"),
        ("from=2026-01-02&to=2026-01-02", "2026-01-02", "2026-01-02", "on 2026-01-02"),
        ("from=2026-01-02&period=7d", "2026-01-02", "", "from 2026-01-02 on"),
        ("from=&to=&period=", "", "", "all days"),
    ],
)
def test_what_an_address_asks_for(query: str, first: str, last: str, said: str) -> None:
    """Both ends included; days that are given win over a period by its name."""
    period = period_of(QueryParams(query), TODAY)
    assert (period.days.first, period.days.last) == (first, last)
    assert str(period) == said


@pytest.mark.parametrize(
    "query",
    ["period=8d", "from=yesterday", "to=2026-13-01", "from=2026-02-01&to=2026-01-31"],
)
def test_what_is_impossible_is_told(query: str) -> None:
    """With the right way to write it, and never as another period."""
    with pytest.raises(AddressError, match=r"2026-|write"):
        period_of(QueryParams(query), TODAY)


@given(st.dates(), st.dates())
def test_the_address_of_another_page_says_the_same(one: date, other: date) -> None:
    """A period that is carried on is the same there, also on a later day where it has ends."""
    first, last = sorted((one, other))
    period = period_of(QueryParams({"from": str(first), "to": str(last)}), TODAY)
    assert period_of(QueryParams(list(period.pairs)), date(2027, 1, 1)) == period


def test_a_named_period_moves_with_the_days() -> None:
    """A bookmark of the last week is of the last week for ever."""
    period = period_of(QueryParams("period=7d"), TODAY)
    assert period.pairs == (("period", "7d"),)
    assert period_of(QueryParams(list(period.pairs)), date(2026, 11, 22)).first == date(
        2026, 11, 16
    )


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("", "", ""),
        ("from=2026-01-02&to=2026-01-03", "2026-01-02", "2026-01-03"),
        ("from=2026-01-02", "2026-01-02", "2026-11-21"),
        ("from=2027-01-02", "2027-01-02", "2027-01-02"),
        ("to=2026-01-07", "2026-01-01", "2026-01-07"),
        ("to=0001-01-03", "0001-01-01", "0001-01-03"),
    ],
)
def test_what_needs_both_ends_gets_both(query: str, first: str, last: str) -> None:
    """What rises is asked for days with both ends: until today, or of a week."""
    days = period_of(QueryParams(query), TODAY).closed(TODAY)
    assert (days.first, days.last) == (first, last)


@pytest.mark.parametrize("query", ["period=7d", "period=30d", "period=90d"])
@pytest.mark.parametrize("by_month", [False, True])
@given(end=st.dates())
def test_a_named_period_is_within_the_calendar(query: str, by_month: bool, end: date) -> None:
    """It begins with the calendar where it would begin before: articles may be of the year 1."""
    period = period_of(QueryParams(query), end, by_month=by_month)
    assert period.first is not None
    assert period.last is not None
    assert date.min <= period.first <= end <= period.last


@pytest.mark.parametrize("end", [date.min, date.max])
def test_a_named_period_may_end_where_the_calendar_does(end: date) -> None:
    """On either side."""
    assert period_of(QueryParams("period=90d"), end).last == end
    assert period_of(QueryParams("period=90d"), end, by_month=True).first is not None


@pytest.mark.parametrize(
    ("query", "end", "first", "last"),
    [
        ("period=7d", date(2026, 4, 1), "2026-04-01", "2026-04-30"),
        ("period=30d", date(2024, 2, 29), "2024-02-01", "2024-02-29"),
        ("period=90d", date(2026, 1, 31), "2025-11-01", "2026-01-31"),
        ("period=90d", date(2026, 12, 1), "2026-10-01", "2026-12-31"),
        ("from=2026-01-02&to=2026-01-03", date(2026, 12, 1), "2026-01-02", "2026-01-03"),
    ],
)
def test_a_period_of_whole_months(query: str, end: date, first: str, last: str) -> None:
    """Where a store keeps no days; those that are given stay."""
    period = period_of(QueryParams(query), end, by_month=True)
    assert (period.days.first, period.days.last) == (first, last)
