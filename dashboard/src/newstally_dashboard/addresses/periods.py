"""Periods, as addresses say them. Pure; days are in UTC."""

import calendar
from dataclasses import dataclass
from datetime import date

from newstally_protos.v1.tally_pb2 import Days
from starlette.datastructures import QueryParams

from newstally_dashboard.addresses.reading import AddressError

PRESETS = {"7d": 7, "30d": 30, "90d": 90}
"""How many days, by what the address says."""
ALL = "all"
NAMES = {"7d": "7 days", "30d": "30 days", "90d": "90 days", ALL: "All"}


@dataclass(frozen=True, slots=True)
class Period:
    """Which days are asked for; None leaves an end open."""

    preset: str
    """One of PRESETS, ALL, or "" where the ends are given."""
    first: date | None
    last: date | None

    @property
    def all(self) -> bool:
        """Whether it has no end at all: then what has no day belongs to it."""
        return self.first is None and self.last is None

    @property
    def days(self) -> Days:
        """As the gateway is asked."""
        return Days(
            first=self.first.isoformat() if self.first else "",
            last=self.last.isoformat() if self.last else "",
        )

    def closed(self, end: date) -> Days:
        """With both ends, or none: `end` for an open last one, a week for an open first one."""
        if self.last is None and self.first is not None:
            return Period("", self.first, max(self.first, end)).days
        if self.first is None and self.last is not None:
            return Period("", _before(self.last, PRESETS["7d"]), self.last).days
        return self.days

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """As the address of another page says it."""
        if self.preset:
            return () if self.preset == ALL else (("period", self.preset),)
        ends = (("from", self.first), ("to", self.last))
        return tuple((name, day.isoformat()) for name, day in ends if day)

    def __str__(self) -> str:
        """For people."""
        match self.first, self.last:
            case None, None:
                return "all days"
            case first, None:
                return f"from {first} on"
            case None, last:
                return f"up to {last}"
            case first, last if first == last:
                return f"on {first}"
            case first, last:
                return f"{first} to {last}"


def period_of(params: QueryParams, end: date, *, by_month: bool = False) -> Period:
    """Return the period of an address: `from` and `to` win over `period`, which ends with `end`.

    `by_month`: it is of whole months, the last being that of `end`: as many as the days make up,
    and one at least.

    Raises AddressError.
    """
    first, last = _day(params, "from"), _day(params, "to")
    if first is not None and last is not None and first > last:
        raise AddressError(f"the days end ({last}) before they begin ({first}): exchange them")
    if first is not None or last is not None:
        return Period("", first, last)
    preset = params.get("period", "") or ALL
    if preset == ALL:
        return Period(ALL, None, None)
    if preset not in PRESETS:
        raise AddressError(f"period: write one of {', '.join(NAMES)}, or from and to")
    days = PRESETS[preset]
    if by_month:
        return Period(preset, *_months(end, max(1, days // 30)))
    return Period(preset, _before(end, days), end)


def _before(end: date, days: int) -> date:
    """Return the first of so many days, or that of the calendar."""
    return date.fromordinal(max(1, end.toordinal() - days + 1))


def _months(end: date, number: int) -> tuple[date, date]:
    """Return the first and the last day of so many months, the last being that of `end`."""
    year, month = divmod(max(12, end.year * 12 + end.month - number), 12)
    days = calendar.monthrange(end.year, end.month)[1]
    return date(year, month + 1, 1), end.replace(day=days)


def _day(params: QueryParams, name: str) -> date | None:
    text = params.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise AddressError(f"{name}: write a day as 2026-11-01") from error
