"""What is held of one publication for its lists: of all time, and of its last days. Pure.

The last days are counted back from the latest day with articles that is not after a limit, which
keeps a wrong date in a later year from emptying the lists. No clock moves them: with the first
article of a later day they are made anew, because then counts of the last days fall.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from newstally_persister.sinks.firestore.compact.keys import day_name
from newstally_persister.sinks.firestore.compact.listing.tops import SIZES, Listed, Sizes, Top, Tops
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION, Entity, Tallied
from newstally_persister.values.parts import EntityRow, Row

ALL = "all"
"""The list of all time."""
WINDOWS = {"day": 1, "7days": 7, "28days": 28}
"""Lists of the last days, and how many."""
LONGEST = max(WINDOWS.values())
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = date.min.toordinal() - _EPOCH
"""The first day of all."""
_DAY_CHARS = len("2026-11-22")
_MONTH_CHARS = len("2026-11")


class Window(NamedTuple):
    """The list of some days."""

    first: str
    """ISO 8601."""
    last: str
    articles: int
    """Of the publication, on these days."""
    tops: Tops


class Snapshot(NamedTuple):
    """All lists of a publication."""

    parts: int
    """How many parts of its log they show."""
    journal_id: str
    flush: int
    """That is complete in what they show, and nothing later of that journal."""
    all: Tops
    windows: Mapping[str, Window]
    """By name; {} where it has no days, or too many to be listed."""


@dataclass(slots=True)
class Days:
    """The last days."""

    last: int
    tops: dict[str, Top]
    """By list; a list is missing where it would begin in a month of which no days are known."""
    articles: dict[str, int]

    def add(self, row: Row, limit: int) -> bool:
        """Add a row; return False where a later day has come, which is not after the limit."""
        entity, name = PUBLICATION, ""
        if isinstance(row, EntityRow):
            entity, name = Entity(row.text, row.label), row.name or ""
        for day, mentions, articles in row.days:
            if day > self.last:
                if day <= limit:
                    return False
                continue
            for window, top in self.tops.items():
                if day > self.last - WINDOWS[window]:
                    if entity is PUBLICATION:
                        self.articles[window] += articles
                    else:
                        top.add(entity, mentions, articles, name)
        return True


@dataclass(slots=True)
class Tracked:
    """A publication after so many parts."""

    parts: int
    all: Top
    days: Days | None
    """None: it has no days."""
    days_listed: bool = True
    """Whether they are few enough to be listed."""

    def __len__(self) -> int:
        """Return how many rows are held."""
        windows = () if self.days is None else self.days.tops.values()
        return len(self.all) + sum(map(len, windows))

    def add(self, parts: int, rows: Iterable[Row], limit: int) -> bool:
        """Add the rows of the part with this number. `limit`: the latest day that may be the last.

        Returns False where it does not follow what is held, or lists have to be made anew: then
        nothing of this is right any more.
        """
        if parts != self.parts + 1:
            return False
        self.parts = parts
        for row in rows:
            if isinstance(row, EntityRow):
                name = row.name or ""
                self.all.add(Entity(row.text, row.label), row.mentions, row.articles, name)
            if not row.days or not self.days_listed:
                continue
            if self.days is None:
                if any(day <= limit for day, *_ in row.days):
                    return False
            elif not self.days.add(row, limit):
                return False
        return True

    def snapshot(self, journal_id: str, flush: int) -> Snapshot | None:
        """Return the lists; None where what is held does not tell them exactly."""
        tops = self.all.lists()
        if tops is None:
            return None
        windows = {} if self.days is None else self._windows(self.days)
        return None if windows is None else Snapshot(self.parts, journal_id, flush, tops, windows)

    def _windows(self, days: Days) -> dict[str, Window] | None:
        windows = {}
        for name, top in days.tops.items():
            tops = top.lists()
            if tops is None:
                return None
            first = day_name(first_day(days.last, name))
            articles = days.articles[name]
            windows[name] = Window(first, day_name(days.last), articles, self._named(tops))
        return windows

    def _named(self, tops: Tops) -> Tops:
        """Return lists of days with the names that are known of all time."""

        def named(rows: Sequence[Listed]) -> tuple[Listed, ...]:
            return tuple(
                row if row.name else row._replace(name=self.all.name(Entity(row.text, row.label)))
                for row in rows
            )

        labels = tuple(each._replace(rows=named(each.rows)) for each in tops.labels)
        return tops._replace(rows=named(tops.rows), labels=labels)


def first_day(last: int, name: str) -> int:
    """Return the first day of a list of the last days, given the last one."""
    return max(last - WINDOWS[name] + 1, _FIRST)


def number_of_day(iso: str) -> int:
    """Return a day, as ISO 8601, in days since 1970."""
    return date.fromisoformat(iso).toordinal() - _EPOCH


def days_of(tallied: Tallied, limit: int, sizes: Sizes = SIZES) -> Days | None:
    """Return the last days of what is known by day; None where there are none until the limit.

    Everything of the LONGEST days before the last one is there, and of their months what is known
    by month only: lists that would begin there are left out, because nobody can tell what is in
    them.
    """
    months = {day for day, _ in tallied.days if len(day) == _MONTH_CHARS}
    known = {day for day, _ in tallied.days if len(day) == _DAY_CHARS}
    numbers = {day: number_of_day(day) for day in known}
    until = [number for number in numbers.values() if number <= limit]
    if not until:
        return None
    last = max(until)
    days = Days(last, {}, {})
    for name in WINDOWS:
        covered = range(first_day(last, name), last + 1)
        if months & {day_name(day)[:_MONTH_CHARS] for day in covered}:
            continue
        within = {day for day, number in numbers.items() if number in covered}
        sums: dict[Entity, tuple[int, int]] = {}
        for (day, entity), (mentions, articles) in tallied.days.items():
            if day in within:
                before = sums.get(entity, (0, 0))
                sums[entity] = (before[0] + mentions, before[1] + articles)
        days.articles[name] = sums.pop(PUBLICATION, (0, 0))[1]
        top = days.tops[name] = Top(sizes)
        for entity, counts in sums.items():
            top.offer(entity, *counts, tallied.names.get(entity, ""))
    return days
