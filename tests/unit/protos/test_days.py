"""The day of a time."""

from datetime import UTC, date, datetime

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.days import FIRST_DAY, LAST_DAY, day_of


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_on_its_day_in_utc(time: datetime) -> None:
    """Every time that Python can tell."""
    stamp = Timestamp()
    stamp.FromDatetime(time)
    assert day_of(stamp) == time.date().toordinal() - date(1970, 1, 1).toordinal()


def test_the_first_and_the_last_day_are_those_of_the_years() -> None:
    """1 and 9999."""
    epoch = date(1970, 1, 1).toordinal()
    assert (date.min.toordinal() - epoch, date.max.toordinal() - epoch) == (FIRST_DAY, LAST_DAY)


@pytest.mark.parametrize(
    "time",
    [
        Timestamp(seconds=FIRST_DAY * 86_400 - 1),
        Timestamp(seconds=(LAST_DAY + 1) * 86_400),
        Timestamp(seconds=2**63 - 1),
        Timestamp(seconds=-(2**63)),
        Timestamp(nanos=-1),
        Timestamp(nanos=1_000_000_000),
    ],
)
def test_what_is_no_time_of_these_years_has_no_day(time: Timestamp) -> None:
    """What a peer may send is bounded before it is counted."""
    assert day_of(time) is None
