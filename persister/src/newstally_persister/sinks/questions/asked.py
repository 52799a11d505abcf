"""What can be asked of tallies by day, and what the answers are. Days are days since 1970, UTC."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from newstally_protos.rising import Rise

from newstally_persister.sinks.base import EntityPosition, EntityTally, Page, PageLimits, SinkError

_EPOCH = date(1970, 1, 1).toordinal()
EARLIEST_DAY, LATEST_DAY = date.min.toordinal() - _EPOCH, date.max.toordinal() - _EPOCH
"""Of the calendar."""

RisingPosition = tuple[float, str, str]
"""(at_least, text, label) of the last entity of a page."""
PublicationPosition = tuple[int, str]
"""(mentions, key) of the last publication of a page."""
NamePosition = tuple[str, str]
"""(text, label) of the last name that was looked at."""


class UnansweredError(SinkError):
    """The store cannot answer within its bounds; the message says why, and what to do."""


class EntityUnknownError(SinkError):
    """Nothing of the entity is there."""


class NothingComparableError(SinkError):
    """A period has no articles."""


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both ends included; None leaves an end open."""

    first: int | None = None
    last: int | None = None

    @property
    def all(self) -> bool:
        """Whether it has no end at all: then it includes what has no day."""
        return self.first is None and self.last is None


@dataclass(frozen=True, slots=True)
class Period:
    """A range of days with both ends."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Floor:
    """What an entity needs to rise."""

    articles: int
    label: str


class Ranking(NamedTuple):
    """Entities by mentions within some days."""

    page: Page[EntityTally]
    articles: int
    """Counted within these days."""


class RisingEntity(NamedTuple):
    """An entity that rose."""

    tally: EntityTally
    """Within the days."""
    base_mentions: int
    base_articles: int
    rise: Rise


class RisingList(NamedTuple):
    """Entities that rose, those first of which it is surest that they rose much."""

    page: Page[RisingEntity]
    days: Period
    base: Period
    articles: int
    base_articles: int


class DayTally(NamedTuple):
    """One day or, where no more is known, one month, of an entity."""

    period: str
    """ISO 8601; empty: of no day."""
    mentions: int
    articles: int
    counted: int
    """All articles that were counted."""


class History(NamedTuple):
    """How often an entity was mentioned, by day."""

    entity: EntityTally
    """With all its mentions, whenever."""
    days: Page[DayTally]
    without_day: DayTally


class PublicationMentions(NamedTuple):
    """How often one publication mentions an entity."""

    key: str
    name: str
    mentions: int
    articles: int
    counted: int


class Mentioning(NamedTuple):
    """The publications that mention an entity."""

    entity: EntityTally
    page: Page[PublicationMentions]


class Found(NamedTuple):
    """Entities by the beginning of their text."""

    items: list[EntityTally]
    """May be fewer than asked for, also where there are more."""
    next: NamePosition | None
    """Where the search goes on; None: all was looked at."""


class Name(NamedTuple):
    """Which entity is meant."""

    text: str
    """As it is stored."""
    label: str
    """Empty: the label under which the text has most mentions."""


class Questions(Protocol):
    """Answers from one store. `publication` is a key; None: all publications together.

    Raises UnansweredError, PublicationUnknownError and, where an entity is named,
    EntityUnknownError; what the sink raises, too.
    """

    async def rank(
        self,
        publication: str | None,
        days: Days,
        label: str,
        limits: PageLimits,
        after: EntityPosition | None,
    ) -> Ranking:
        """Return entities by mentions within the days, descending, then text, then label."""
        ...

    async def rising(
        self,
        publication: str | None,
        days: Period | None,
        base: Period | None,
        floor: Floor,
        limits: PageLimits,
        after: RisingPosition | None,
        today: int,
    ) -> RisingList:
        """Return entities by how surely they rose much, then text, then label.

        Without `days`: the seven up to the last day with articles that is not after tomorrow.
        Without `base`: the 28 before `days`. Raises NothingComparableError.
        """
        ...

    async def history(
        self,
        publication: str | None,
        name: Name,
        days: Days,
        limits: PageLimits,
        after: str | None,
    ) -> History:
        """Return an entity's days with articles, ascending, behind a period."""
        ...

    async def publications(
        self, name: Name, days: Days, limits: PageLimits, after: PublicationPosition | None
    ) -> Mentioning:
        """Return the publications that mention an entity, by mentions, descending, then key."""
        ...

    async def find(
        self,
        publication: str | None,
        beginning: str,
        label: str,
        limits: PageLimits,
        after: NamePosition | None,
    ) -> Found:
        """Return entities whose text begins so, by text, then label."""
        ...


def iso_day(day: int) -> str:
    """Return "2026-11-01"."""
    return date.fromordinal(day + _EPOCH).isoformat()


def read_day(text: str) -> int:
    """Return the day of "2026-11-01". Raises ValueError for anything else."""
    if len(text) != len("2026-11-01"):
        raise ValueError(text)
    return date.fromisoformat(text).toordinal() - _EPOCH


def first_day_of(period: str) -> int:
    """Return the first day of a day or a month, as DayTally has it. Raises ValueError."""
    return read_day(f"{period}-01" if len(period) == len("2026-11") else period)


LATEST_AHEAD_DAYS = 1
PERIOD_DAYS = 7
BASE_DAYS = 28


def periods(
    days: Period | None, base: Period | None, latest: int | None, *, by_month: bool = False
) -> tuple[Period, Period]:
    """Return what is compared with what; `latest` is the last day with articles.

    `by_month`: where there is none, some are known by month.
    What would begin before the calendar begins with it: articles may be of the year 1.

    Raises NothingComparableError where there is none, and none was asked for; or nothing before.
    """
    if days is None:
        if latest is None and by_month:
            raise NothingComparableError(
                "days of these articles are kept by month only: name whole months, and whole"
                " months to compare them with"
            )
        if latest is None:
            raise NothingComparableError(
                "no article has a day: `newstally upload --time-column NAME` names the column of"
                " times, other clients send publish_time"
            )
        days = Period(max(EARLIEST_DAY, latest - PERIOD_DAYS + 1), latest)
    if base is None:
        if days.first <= EARLIEST_DAY:
            raise NothingComparableError(
                f"there is no day before {iso_day(EARLIEST_DAY)} to compare with: ask for later"
                " days, or name those to compare with"
            )
        base = Period(max(EARLIEST_DAY, days.first - BASE_DAYS), days.first - 1)
    return days, base
