"""Reads parts of a compact database for a question, and counts documents: each is billed."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

from newstally_persister.sinks.base import EntityPosition, PageLimits
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.keys import (
    ALL,
    LAST,
    OUTSIDE,
    beginning_range,
    days_range,
    outside_range,
    total_key,
)
from newstally_persister.sinks.firestore.compact.listing import documents
from newstally_persister.sinks.firestore.compact.listing.answers import find_list, listed_page
from newstally_persister.sinks.firestore.compact.listing.tracked import ALL as TOTALS
from newstally_persister.sinks.firestore.compact.listing.tracked import WINDOWS, number_of_day
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION, Entity, Tallied
from newstally_persister.sinks.firestore.days import DocumentDays
from newstally_persister.sinks.firestore.layout import COMPACT
from newstally_persister.sinks.questions.asked import (
    EARLIEST_DAY,
    LATEST_DAY,
    Days,
    Ranking,
    iso_day,
)
from newstally_persister.sinks.questions.firestore_asking import READS_LIMIT, Reads

_RECENT_DAYS = 70
"""Days in which the last one with articles is looked for first."""
LAST_DAY = "day"
"""The list whose days are one: the last."""
_EPOCH = date(1970, 1, 1).toordinal()


class Listed(NamedTuple):
    """What a list tells."""

    ranking: Ranking
    is_current: bool
    """Whether it shows all that there is."""


class CompactReading(Reads):
    """The reads of one question."""

    instead = "ask for one publication or fewer days, or use the SQLite sink"

    def __init__(self, client: FirestoreClient, seconds: float, limit: int = READS_LIMIT) -> None:
        super().__init__(client, seconds, limit)
        self._reader = Reader(client, seconds, self._count)

    @property
    def root(self) -> str:
        """See Reads.root."""
        return f"{super().root}/{COMPACT}"

    async def totals(self, publication: Any) -> Tallied:
        """Return the totals of all entities."""
        return await self._reader.between(publication.name, ALL, f"{ALL}{LAST}")

    async def days(self, publication: Any, days: Days) -> Tallied:
        """Return what is known by day within the days, and some more.

        Where one end of them is open, also what has a day that is not known.
        """
        first = EARLIEST_DAY if days.first is None else _in_calendar(days.first)
        last = LATEST_DAY if days.last is None else _in_calendar(days.last)
        keys = days_range(iso_day(first), iso_day(last))
        found = await self._reader.between(publication.name, *keys)
        is_open = days.first is None or days.last is None
        if is_open and rows.number_of(publication, "outside_articles"):
            outside = await self._reader.between(publication.name, *outside_range())
            # Of other rows it may have a part.
            found.days.update(row for row in outside.days.items() if row[0][0] == OUTSIDE)
        return found

    async def listed(
        self,
        publication: Any,
        days: Days,
        label: str,
        limits: PageLimits,
        after: EntityPosition | None,
    ) -> Listed | None:
        """Return what a list of just these days tells; None where none does, or it is too short."""
        name = _list_of(days)
        if name is None:
            return None
        self._count(2)
        found, is_current = await find_list(self._client, publication.name, name, self._seconds)
        if found is None:
            return None
        articles = fields(publication if days.all else found)["articles"]
        if not days.all and (_day(found, "first"), _day(found, "last")) != (days.first, days.last):
            return None
        page = listed_page(found, label, limits, after)
        return None if page is None else Listed(Ranking(page, articles), is_current)

    async def latest_day(self, publication: Any, last: int) -> tuple[int | None, bool]:
        """Return the last day with articles that is not after `last`.

        And where there is none, whether something is known by month.
        """
        listed = await self._last_listed(publication)
        # Counts do not fall: a day that a list knows has articles still, and only later ones are
        # read.
        is_known = listed is not None and listed <= last
        for first in (listed if is_known else last - _RECENT_DAYS, None):
            told = told_days(await self.days(publication, Days(first, last)), [PUBLICATION])
            known = [day for each in told.values() for day in each.days if day <= last]
            if known:
                return max(known), False
        return None, any(each.months or each.outside[1] for each in told.values())

    async def _last_listed(self, publication: Any) -> int | None:
        """Return a day that has articles: the last one that a list knows."""
        self._count(1)
        name = documents.list_name(publication.name, LAST_DAY)
        found = (await self._client.read_many([name], self._seconds, ["last"])).get(name)
        return None if found is None else _day(found, "last")

    async def named(self, publication: Any, text: str, label: str) -> Tallied:
        """Return the totals of a text: of the label, or of all labels."""
        if label:
            key = total_key(text, label)
            found = await self._reader.between(publication.name, key, key)
        else:
            found = await self._reader.between(publication.name, *beginning_range(text))
        return _only(found, lambda entity: entity.text == text and label in ("", entity.label))

    async def beginning(self, publication: Any, beginning: str) -> Tallied:
        """Return the totals of the entities whose text begins so."""
        found = await self._reader.between(publication.name, *beginning_range(beginning))
        return _only(found, lambda entity: entity.text.startswith(beginning))


def _list_of(days: Days) -> str | None:
    """Return which list is as long as these days."""
    if days.all:
        return TOTALS
    if days.first is None or days.last is None:
        return None
    lengths = {length: name for name, length in WINDOWS.items()}
    return lengths.get(days.last - days.first + 1)


def _day(listed: Any, field: str) -> int:
    return number_of_day(listed.fields[field].string_value)


def _only(found: Tallied, wanted: Callable[[Entity], bool]) -> Tallied:
    return Tallied({each: n for each, n in found.totals.items() if wanted(each)}, found.names)


NOTHING = DocumentDays({}, {}, (0, 0))


def told_days(tallied: Tallied, only: Sequence[Entity] | None = None) -> dict[Entity, DocumentDays]:
    """Return what is known by day of each entity, as the other layout's documents tell it."""
    found: dict[Entity, tuple[dict[int, Any], dict[int, Any], list[Any]]] = {}
    for (day, entity), counts in tallied.days.items():
        if only is not None and entity not in only:
            continue
        days, months, outside = found.setdefault(entity, ({}, {}, []))
        if day == OUTSIDE:
            outside.append(counts)
        elif len(day) == len("2026-11"):
            year, _, month = day.partition("-")
            months[12 * int(year) + int(month) - 1] = counts
        else:
            days[date.fromisoformat(day).toordinal() - _EPOCH] = counts
    return {
        entity: DocumentDays(days, months, outside[0] if outside else (0, 0))
        for entity, (days, months, outside) in found.items()
    }


def _in_calendar(day: int) -> int:
    return max(EARLIEST_DAY, min(day, LATEST_DAY))
