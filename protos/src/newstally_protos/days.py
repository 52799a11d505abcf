"""Days, in UTC, as whole numbers: how many after 1970-01-01, negative before it."""

from google.protobuf.timestamp_pb2 import Timestamp

FIRST_DAY = -719_162
"""The first of January of the year 1."""
LAST_DAY = 2_932_896
"""The last of December of the year 9999."""

_DAY_SECONDS = 86_400
_SECOND_NANOS = 1_000_000_000


def day_of(time: Timestamp) -> int | None:
    """Return the day that a time is on; None where it is no time of the years 1 to 9999."""
    day = time.seconds // _DAY_SECONDS
    if not FIRST_DAY <= day <= LAST_DAY or not 0 <= time.nanos < _SECOND_NANOS:
        return None
    return day
