"""Days put together to weeks, months or years, for a readable number of points. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

MOST_POINTS = 1_500
"""A longer picture shows only what has articles."""
_DAYS_BY_DAY = 92
_DAYS_BY_WEEK = 750
_MONTH = "2026-11"


class By(StrEnum):
    """How long a point stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class DayTally(Protocol):
    """As the gateway tells it."""

    period: str
    mentions: int
    articles: int
    counted_articles: int


@dataclass(frozen=True, slots=True)
class Bin:
    """What is in one point."""

    begin: str
    """A day, "2026-11-02" (of a week its Monday); a month, "2026-11"; or a year."""
    mentions: int
    articles: int
    """That mention it."""
    counted: int
    """All articles."""

    @property
    def per_hundred(self) -> float | None:
        """Mentions for each hundred articles; None where there is no article."""
        return 100 * self.mentions / self.counted if self.counted else None


def suited(every: Iterable[Sequence[DayTally]]) -> By:
    """Return what suits histories that are shown together."""
    periods = [day.period for days in every for day in days]
    if not periods:
        return By.DAY
    first, last = _begin(min(periods)), _begin(max(periods))
    span = (last - first).days + 1
    if any(len(period) == len(_MONTH) for period in periods):
        span = max(span, _DAYS_BY_WEEK + 1)
    if span <= _DAYS_BY_DAY:
        return By.DAY
    if span <= _DAYS_BY_WEEK:
        return By.WEEK
    return By.MONTH if span <= 366 * 25 else By.YEAR


def spread(every: Sequence[Sequence[DayTally]], by: By) -> list[list[Bin]]:
    """Return each history in the same points, without holes where they are not too many."""
    sums: list[dict[str, list[int]]] = []
    for days in every:
        found: dict[str, list[int]] = {}
        for day in days:
            figures = found.setdefault(point(_begin(day.period), by), [0, 0, 0])
            figures[0] += day.mentions
            figures[1] += day.articles
            figures[2] += day.counted_articles
        sums.append(found)
    points = _filled(sorted({each for found in sums for each in found}), by)
    return [[Bin(each, *found.get(each, (0, 0, 0))) for each in points] for found in sums]


def point(day: date, by: By) -> str:
    """Return the point that a day belongs to."""
    match by:
        case By.DAY:
            return day.isoformat()
        case By.WEEK:
            # The first week of the year 1 would begin before it.
            return date.fromordinal(max(1, day.toordinal() - day.weekday())).isoformat()
        case By.MONTH:
            return day.isoformat()[:7]
        case By.YEAR:
            return day.isoformat()[:4]


def _filled(points: list[str], by: By) -> list[str]:
    if not points:
        return []
    filled = [points[0]]
    while filled[-1] < points[-1]:
        if len(filled) >= MOST_POINTS:
            return points[-MOST_POINTS:]
        filled.append(_next(filled[-1], by))
    return filled


def _next(after: str, by: By) -> str:
    begin = _begin(after)
    match by:
        case By.DAY:
            return (begin + timedelta(days=1)).isoformat()
        case By.WEEK:
            return point(begin + timedelta(days=7), by)
        case By.MONTH:
            return point(begin.replace(day=1) + timedelta(days=32), by)
        case By.YEAR:
            return point(begin.replace(month=1, day=1) + timedelta(days=366), by)


def _begin(period: str) -> date:
    """Return the first day of a day, a month or a year."""
    return date.fromisoformat(period + "-01-01"[len(period) - 4 :] if len(period) < 10 else period)
