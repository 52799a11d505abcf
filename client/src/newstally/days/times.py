"""Reads when an article was published, as people and programs write it. Pure.

What can be meant in two ways is not guessed: 03/04/2020 is a problem, unless the caller says what
comes first. 13/04/2020 and 2020/03/04 can be meant in one way only. A time without a zone is UTC,
and so is a day.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache

from dateutil.parser import parse

LONGEST_TEXT = 100
"""Characters. No time is longer."""
_NUMBER = re.compile(r"[-+]?\d*\.?\d*")
_DIGITS_OF_TIMES = (8, 14)
"""20161231 and 20161231150000; other bare numbers may count anything from any day."""
_RFC_2822 = re.compile(r"([A-Za-z]{3}, *)?\d{1,2} [A-Za-z]{3} (\d{2,4}) \d")
_YEAR_FIRST = re.compile(r"\d{4}\D")
# What is not said is taken from these: where it shows, the text is no date.
_DEFAULTS = (datetime(2001, 1, 1), datetime(2002, 2, 2))  # noqa: DTZ001 - the zone is not said


class UnreadableTimeError(ValueError):
    """What is there is no time, or could be several."""


def to_time(value: object, *, day_first: bool | None = None) -> datetime | None:
    """Return when something was published, in UTC; None for what is empty.

    Takes datetimes, dates and texts: ISO 8601, RFC 3339, RFC 2822, and dates as people write them.
    `day_first` says what 03/04/2020 is; None: nobody knows. Raises UnreadableTimeError.
    """
    if isinstance(value, datetime):
        return _in_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, str):
        raise UnreadableTimeError(f"{value!r:.50} is no text")
    text = value.strip()
    if not text or text == "NaT":
        return None
    found = _read(text, day_first)
    if isinstance(found, str):
        raise UnreadableTimeError(found)
    return found


@lru_cache(maxsize=65_536)
def _read(text: str, day_first: bool | None) -> datetime | str:
    """Return the time, or what is wrong with the text."""
    shown = f"{text!r:.50}"
    if len(text) > LONGEST_TEXT:
        return f"{shown}... is too long"
    if _NUMBER.fullmatch(text) and len(text) not in _DIGITS_OF_TIMES:
        return f"{shown} is a number, and not a date"
    try:
        return _in_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        found = set(_readings(text, day_first))
    except (ValueError, ArithmeticError, TypeError):
        found = set()
    if len(found) == 1:
        return found.pop()
    if len({each.date() for each in found}) > 1:
        days = " or ".join(sorted({each.date().isoformat() for each in found}))
        return f"{shown} may be {days}"
    return f"{shown} is no date that can be read"


def _readings(text: str, day_first: bool | None) -> Iterable[datetime]:
    """Yield all that the text can mean; nothing if it says no day."""
    standard = _RFC_2822.match(text)
    # Without the day of the week, 01 Feb 03 may be of 2001 and of 2003.
    if standard and (standard[1] or len(standard[2]) > 2):
        yield _in_utc(_of_rfc_2822(text, standard))
        return
    orders = (False, True) if day_first is None else (day_first,)
    if _YEAR_FIRST.match(text):
        orders = (False,)
    for day_before_month in orders:
        for year_before_day in (True, False) if day_first is None else (False,):
            first, second = (
                parse(
                    text,
                    dayfirst=day_before_month,
                    yearfirst=year_before_day,
                    default=default,
                    tzinfos=_zone,
                )
                for default in _DEFAULTS
            )
            if first == second:
                yield _in_utc(first)


def _of_rfc_2822(text: str, match: "re.Match[str]") -> datetime:
    """Take four digits of a year as they are, and fewer as section 4.3 says."""
    digits = match[2]
    year = int(digits)
    if len(digits) < 4:
        year += 2000 if len(digits) == 2 and year < 50 else 1900
    # The parser moves years before 100, however they are written. Calendars repeat in 400 years.
    alike = f"{text[: match.start(2)]}{2000 + year % 400}{text[match.end(2) :]}"
    return parsedate_to_datetime(alike).replace(year=year)


def _zone(name: str | None, offset: int | None) -> tzinfo:
    """Return the zone, whatever that of this machine is. Raises ValueError for unknown names."""
    if name and offset is None:
        raise ValueError(f"the zone {name} is not known")
    return timezone(timedelta(seconds=offset or 0))


def _in_utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        # Not the caller's subclass, pandas' for example.
        return datetime.fromtimestamp(0, UTC) + (time - datetime.fromtimestamp(0, UTC))
    except OverflowError as error:
        raise UnreadableTimeError(f"{time} is outside the years 1 to 9999") from error
