"""Reads what a question asks. Pure."""

import unicodedata

from newstally_protos.limits import ENTITY_TEXT_LIMIT_BYTES
from newstally_protos.v1 import tally_pb2
from newstally_runtime.status import invalid

from newstally_persister.sinks.questions.asked import Days, Name, Period, iso_day, read_day

_AROUND = " \t\r\n\"'\u201c\u201d\u2018\u2019\u00ab\u00bb.,;:!?"


def read_days(field: str, days: tally_pb2.Days) -> Days:
    """Return the range. Raises StatusError."""
    found = Days(
        _read_day(f"{field}.first", days.first) if days.first else None,
        _read_day(f"{field}.last", days.last) if days.last else None,
    )
    if found.first is not None and found.last is not None and found.first > found.last:
        raise invalid(field, "must not end before it begins")
    return found


def read_period(field: str, days: tally_pb2.Days) -> Period | None:
    """Return the range, which has both ends or none. Raises StatusError."""
    found = read_days(field, days)
    if found.all:
        return None
    if found.first is None or found.last is None:
        raise invalid(field, "must have both ends, or none")
    return Period(found.first, found.last)


def check_apart(days: Period | None, base: Period | None) -> None:
    """Raise StatusError where a period is compared with days of its own, or only `base` is told."""
    if base is None:
        return
    if days is None:
        raise invalid("days", "is required where base is told")
    if base.first <= days.last and days.first <= base.last:
        raise invalid("base", "must not overlap with days")


def days_message(period: Period) -> tally_pb2.Days:
    """Return the range as a message."""
    return tally_pb2.Days(first=iso_day(period.first), last=iso_day(period.last))


def read_name(text: str, label: str) -> Name:
    """Return the entity that is meant, as it is stored. Raises StatusError."""
    folded = _folded("text", text).strip(_AROUND)
    if not folded:
        raise invalid("text", "is required")
    return Name(folded, label)


def read_beginning(text: str) -> str:
    """Return how a stored text has to begin. Raises StatusError."""
    folded = _folded("beginning", text).lstrip(_AROUND)
    if not folded:
        raise invalid("beginning", "is required")
    return folded


def _folded(field: str, text: str) -> str:
    """Return the text as extractors fold it: their normalising does more, but not to names."""
    if len(text.encode()) > ENTITY_TEXT_LIMIT_BYTES:
        raise invalid(field, f"must have at most {ENTITY_TEXT_LIMIT_BYTES} bytes")
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split()).removeprefix("the ")


def _read_day(field: str, text: str) -> int:
    try:
        return read_day(text)
    except ValueError as error:
        raise invalid(field, "must be a day such as 2026-11-01") from error
