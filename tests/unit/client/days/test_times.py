"""Times of publication: read as they are written, and never guessed."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally.days.times import UnreadableTimeError, to_time

MIDNIGHT = datetime(2016, 12, 31, tzinfo=UTC)
AFTERNOON = datetime(2016, 12, 31, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        # Kaggle's "All the News", first and second edition.
        ("2016-12-31", MIDNIGHT),
        ("2016-12-31 15:00:00", AFTERNOON),
        # ISO 8601 and RFC 3339
        ("2016-12-31T15:00:00Z", AFTERNOON),
        ("2016-12-31t15:00:00z", AFTERNOON),
        ("2016-12-31T16:00:00+01:00", AFTERNOON),
        ("2016-12-31 10:00:00.000-0500", AFTERNOON),
        ("2016-12-31T15:00", AFTERNOON),
        ("2016-W52-6", MIDNIGHT),
        ("20161231", MIDNIGHT),
        ("20161231150000", AFTERNOON),
        # RFC 2822, as in RSS
        ("Sat, 31 Dec 2016 15:00:00 +0000", AFTERNOON),
        ("Sat, 31 Dec 2016 15:00:00 GMT", AFTERNOON),
        ("Sat, 31 Dec 2016 10:00:00 EST", AFTERNOON),
        ("31 Dec 2016 15:00:00 -0000", AFTERNOON),
        # As people write it
        ("December 31, 2016", MIDNIGHT),
        ("31 December 2016", MIDNIGHT),
        ("Dec 31st, 2016, 3:00 p.m.", AFTERNOON),
        ("2016/12/31", MIDNIGHT),
        ("31.12.2016", MIDNIGHT),
        ("12/31/2016", MIDNIGHT),
        ("31/12/2016 15:00", AFTERNOON),
        ("2016-12-31 15:00:00 UTC", AFTERNOON),
        (" 2016-12-31 ", MIDNIGHT),
        # The same day and month, whichever comes first
        ("07/07/2016", datetime(2016, 7, 7, tzinfo=UTC)),
        ("2016/03/04", datetime(2016, 3, 4, tzinfo=UTC)),
    ],
)
def test_what_can_be_read(text: str, time: datetime) -> None:
    """A time without a zone is UTC."""
    assert to_time(text) == time


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Mon, 01 Jan 0001 00:00:00 +0000", date(1, 1, 1)),
        ("Mon, 01 Jan 0001 00:00:00 -1400", date(1, 1, 1)),
        ("31 Dec 0068 15:00:00 GMT", date(68, 12, 31)),
        ("Tue, 31 Dec 0069 15:00:00 +0000", date(69, 12, 31)),
        ("Wed, 29 Feb 0096 00:00:00 GMT", date(96, 2, 29)),
        ("31 Dec 0100 15:00:00 GMT", date(100, 12, 31)),
        ("31 Dec 9999 15:00:00 GMT", date(9999, 12, 31)),
        ("Tue, 29 Feb 2000 00:00:00 GMT", date(2000, 2, 29)),
        # RFC 2822, section 4.3
        ("Sat, 31 Dec 16 15:00:00 GMT", date(2016, 12, 31)),
        ("Sat, 01 Feb 03 15:00:00 GMT", date(2003, 2, 1)),
        ("Fri, 31 Dec 49 15:00:00 GMT", date(2049, 12, 31)),
        ("Sun, 31 Dec 50 15:00:00 GMT", date(1950, 12, 31)),
        ("Fri, 31 Dec 99 15:00:00 GMT", date(1999, 12, 31)),
        ("Sat, 31 Dec 116 15:00:00 GMT", date(2016, 12, 31)),
        ("Sat, 29 Feb 100 15:00:00 GMT", date(2000, 2, 29)),
    ],
)
def test_four_digits_of_a_year_are_the_year(text: str, day: date) -> None:
    """Fewer are what the standard says."""
    found = to_time(text)
    assert found is not None
    assert found.date() == day


@pytest.mark.parametrize("text", ["", "  ", "NaT"])
def test_what_is_empty_is_no_time(text: str) -> None:
    """And nothing that could not be read."""
    assert to_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "03/04/2020",
        "1/5/17",
        "16/12/31",
        "3.4.2020 15:00",
        "2016",
        "December 2016",
        "31 December",
        "Monday",
        "today",
        "15:00",
        "1483196400",
        "1483196400.5",
        "1483196400000",
        "2016-02-30",
        "2016-12-31 15:00 XYZ",
        "2016-12-31 15:00 ET",
        "0001-01-01T00:00:00+14:00",
        "Mon, 01 Jan 0001 00:00:00 +1400",
        "Sat, 01 Jan 0000 00:00:00 +0000",
        "Sun, 29 Feb 0001 00:00:00 +0000",
        "Thu, 29 Feb 1900 00:00:00 +0000",
        "31 Dec 9999 23:00:00 -1400",
        "01 Feb 03 15:00:00 GMT",
        "unknown",
        "x" * 1_000,
        "9" * 14,
    ],
)
def test_what_is_no_time_or_several_is_not_guessed(text: str) -> None:
    """Neither a day nor a month nor a zone is made up."""
    with pytest.raises(UnreadableTimeError):
        to_time(text)


def test_what_may_be_two_days_is_told() -> None:
    """So that a reader knows which option helps."""
    with pytest.raises(UnreadableTimeError, match="may be 2020-03-04 or 2020-04-03"):
        to_time("03/04/2020")


@pytest.mark.parametrize(("day_first", "month"), [(True, 4), (False, 3)])
def test_the_caller_may_say_what_comes_first(day_first: bool, month: int) -> None:
    """The day and the month of 03/04/2020; where the year comes first nothing changes."""
    assert to_time("03/04/2020", day_first=day_first) == datetime(
        2020, month, 7 - month, tzinfo=UTC
    )
    assert to_time("2020/03/04", day_first=day_first) == datetime(2020, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("value", [1483196400, 1.5, True, {"$date": 1}, ["2016-12-31"]])
def test_only_texts_and_times_are_times(value: object) -> None:
    """A number may count anything from any day."""
    with pytest.raises(UnreadableTimeError):
        to_time(value)


def test_dates_and_datetimes_are_taken() -> None:
    """A naive one is UTC."""
    west = timezone(timedelta(hours=-5))
    assert to_time(date(2016, 12, 31)) == MIDNIGHT
    assert to_time(datetime(2016, 12, 31, 15, 0)) == AFTERNOON  # noqa: DTZ001
    assert to_time(datetime(2016, 12, 31, 10, 0, tzinfo=west)) == AFTERNOON


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    """It is a time, or not."""
    try:
        found = to_time(text)
    except UnreadableTimeError:
        return
    assert found is None or found.tzinfo is UTC


@given(st.text(alphabet="0123456789/-.: ,TZ+adnoJFebM", max_size=30))
def test_nothing_like_a_time_breaks_it(text: str) -> None:
    """Digits, signs and pieces of months."""
    test_no_text_breaks_it.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@given(st.integers(-2_000_000_000_000_000, 4_000_000_000_000_000))
def test_what_is_written_is_read(microseconds: int) -> None:
    """In the three standards, and with the month's name; from 1906 to 2096."""
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    seconds = time.replace(microsecond=0)
    assert to_time(time.isoformat()) == time
    assert to_time(seconds.strftime("%Y-%m-%dT%H:%M:%SZ")) == seconds
    assert to_time(seconds.strftime("%a, %d %b %Y %H:%M:%S +0000")) == seconds
    assert to_time(seconds.strftime("%B %d, %Y %H:%M:%S")) == seconds
