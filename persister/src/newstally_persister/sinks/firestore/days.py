"""What a document holds by day and by month. Pure.

    days:    {"2026-11": {"21": {mentions, articles}}}    of recent months
    months:  {"2026-11": {mentions, articles}}            of all months that are kept
    outside: {mentions, articles}                         of dates before and after them

An article counts in its month and, while its month is kept by day, on its day, in the one write
that its row costs anyway. So nothing is ever moved from days to months: old days are only deleted,
which needs no reading and may be done twice. What the totals have more than the months and
`outside` has no day.

How large this gets is bounded: a write adds to at most PERIODS_LIMIT days and months, because
Firestore takes 500 transforms of one document in a commit; there are about 250 months (11 KB), and
as many days as are kept by day (of 62: 6 KB), and those of four months before: what is not written
for longer keeps them. Where a write has more periods, days are left out, and months are not. So a
month's days are told only where they make up the month.

Which months are kept by day is decided by Firestore's clock, and never goes back: `days_from`
stands in the mark and moves with it. Otherwise what was deleted might come back in part.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from newstally_persister.values.parts import DayCounts

FIELDS = ("days", "months", "outside")
PERIODS_LIMIT = 247
"""Most days and months that one write adds to: two transforms each, of the 500 that there may be
with the totals and `outside`."""
DAYS_KEPT = 62
"""For how many days a day is kept, where nothing else is set, and the rest of its month."""
DELETED_MONTHS = 4
"""How many months before the first that is kept by day are deleted by a write."""

Month = int
"""12 * year + month - 1."""
Counts = tuple[int, int]
"""(mentions, articles)."""

_Paths = tuple[str, str]
"""Of the mentions and of the articles of a place."""

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_MONTH = 12 * 2010
"""The first month that is kept; later ones only once there are more than MONTHS_LIMIT."""
MONTHS_LIMIT = 240


@dataclass(frozen=True, slots=True)
class Window:
    """What is kept by day, and what by month, at the time of a flush."""

    first_month: Month
    """The first month that is kept at all."""
    last_month: Month
    """The last one: what is dated later is outside, however much time goes by."""
    days_from: Month | None
    """The first month that is kept by day; None: no days are written, and none deleted."""

    @property
    def deleted(self) -> tuple[str, ...]:
        """Return the paths of what is deleted beside what is written."""
        if self.days_from is None:
            return ()
        months = range(self.days_from - DELETED_MONTHS, self.days_from)
        return tuple(f"days.`{month_name(month)}`" for month in months)


def window(today: date, days_kept: int, known: str | None, *, first_part: bool) -> Window:
    """Return what is kept today.

    `known`: what the mark says that is kept by day. All parts of a flush do the same: the first one
    moves the mark, and others do what it says, or nothing by day where it says nothing.
    """
    now = _month_of(today)
    first = max(_FIRST_MONTH, now + 2 - MONTHS_LIMIT)
    days_from = None if known is None else read_month(known)
    if first_part:
        wanted = _month_of(date.fromordinal(max(1, today.toordinal() - days_kept)))
        days_from = max(wanted, days_from or 0)
    return Window(first, now + 1, days_from)


def increments(days: tuple[DayCounts, ...], kept: Window) -> list[tuple[str, int]]:
    """Return what a row adds to its document beside the totals: field paths and numbers."""
    if len(days) == 1:
        ((day, mentions, articles),) = days
        # As below: nearly all rows are of one day.
        return [
            pair
            for of_mentions, of_articles in _places(day, kept)
            for pair in ((of_mentions, mentions), (of_articles, articles))
        ]
    of_days: list[tuple[_Paths, int, int]] = []
    of_months: dict[_Paths, Counts] = {}
    for day, mentions, articles in reversed(days):
        month, *by_day = _places(day, kept)
        before = of_months.get(month, (0, 0))
        of_months[month] = (before[0] + mentions, before[1] + articles)
        of_days.extend((place, mentions, articles) for place in by_day)
    # The newest days, as far as there is room.
    room = PERIODS_LIMIT - len(of_months)
    return _pairs([*((month, *of_months[month]) for month in of_months), *of_days[:room]])


def _pairs(periods: Iterable[tuple[_Paths, int, int]]) -> list[tuple[str, int]]:
    return [
        pair
        for paths, mentions, articles in periods
        for pair in zip(paths, (mentions, articles), strict=True)
    ]


@lru_cache(maxsize=10_000)
def _places(day: int, kept: Window) -> tuple[_Paths, ...]:
    """Return where a day counts: its month or `outside`, and the day itself if it is kept."""
    at = date.fromordinal(day + _EPOCH)
    month = _month_of(at)
    if not kept.first_month <= month <= kept.last_month:
        return (_paths("outside"),)
    name = month_name(month)
    if kept.days_from is None or month < kept.days_from:
        return (_paths(f"months.`{name}`"),)
    return _paths(f"months.`{name}`"), _paths(f"days.`{name}`.`{at.day:02}`")


def _paths(place: str) -> _Paths:
    return f"{place}.mentions", f"{place}.articles"


@dataclass(frozen=True, slots=True)
class DocumentDays:
    """What a document tells of days. Nothing is in two of these, and none has all without a day."""

    days: Mapping[int, Counts]
    """By day (see newstally_protos.days), of months whose days are all known."""
    months: Mapping[Month, Counts]
    """Of months whose days are not all known."""
    outside: Counts
    """Of dates before and after what is kept by month."""


def of_document(document: Any) -> DocumentDays:
    """Read a document of a publication or an entity."""
    by_day: dict[int, Counts] = {}
    by_month: dict[Month, Counts] = {}
    found = _map(document.fields, "days")
    for name, value in _map(document.fields, "months").items():
        month = read_month(name)
        total = _counts(value.map_value.fields)
        first = date(*divmod_month(month), 1).toordinal() - _EPOCH
        days = {
            first + int(day) - 1: _counts(counts.map_value.fields)
            for day, counts in _map(found, name).items()
        }
        if total == (sum(m for m, _ in days.values()), sum(a for _, a in days.values())):
            by_day.update(days)
        else:
            by_month[month] = total
    return DocumentDays(by_day, by_month, _counts(_map(document.fields, "outside")))


def held(document: Any) -> list[tuple[str, int]]:
    """Return everything that a document holds by day and month, as increments; see `increments`.

    Where it is more than one write takes, the oldest days are left out.
    """
    found = [
        (path, number)
        for field in FIELDS
        if field in document.fields
        for path, number in _leaves(field, document.fields[field])
    ]
    # Their paths sort as they do.
    days = sorted((each for each in found if each[0].startswith("days.")), reverse=True)
    others = [each for each in found if not each[0].startswith("days.")]
    return others + days[: max(0, 2 * PERIODS_LIMIT - len(others))]


def month_name(month: Month) -> str:
    """Return what a month is called: "2026-11"."""
    year, number = divmod_month(month)
    return f"{year:04}-{number:02}"


def divmod_month(month: Month) -> tuple[int, int]:
    """Return the year and the month of it, from 1."""
    return month // 12, month % 12 + 1


def _month_of(day: date) -> Month:
    return 12 * day.year + day.month - 1


def read_month(name: str) -> Month:
    """Return the month that is called so."""
    year, _, number = name.partition("-")
    return 12 * int(year) + int(number) - 1


def _map(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if name not in fields:
        return {}
    found: Mapping[str, Any] = fields[name].map_value.fields
    return found


def _counts(fields: Mapping[str, Any]) -> Counts:
    return tuple(  # type: ignore[return-value]
        fields[name].integer_value if name in fields else 0 for name in ("mentions", "articles")
    )


def _leaves(path: str, value: Any) -> Iterator[tuple[str, int]]:
    if value.WhichOneof("value_type") != "map_value":
        yield path, value.integer_value
        return
    for name, below in value.map_value.fields.items():
        quoted = name if name.isidentifier() else f"`{name}`"
        yield from _leaves(f"{path}.{quoted}", below)
