"""The answers to questions by day. All are immutable; days are in UTC."""

from dataclasses import dataclass
from datetime import date, datetime

from newstally.values import EntityTally


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was mentioned most within some days."""

    entities: tuple[EntityTally, ...]
    """Within these days; the most mentioned first."""
    articles: int
    """How many articles were counted within these days."""
    applied_time: datetime | None
    """What was settled before is in the answer; None where the persister does not know."""


@dataclass(frozen=True, slots=True)
class RisingEntity:
    """An entity that is mentioned more per article than it was."""

    entity: EntityTally
    """Within the days."""
    base_mentions: int
    """Within the days that they are compared with."""
    base_articles: int
    """How many articles of those mention it."""
    times: float
    """How many times as many mentions per article; finite also for what is new."""
    at_least: float
    """What it rose by at least, with 95 % certainty; above 1."""


@dataclass(frozen=True, slots=True)
class Rising:
    """What rose."""

    entities: tuple[RisingEntity, ...]
    """Those first of which it is surest that they rose much."""
    since: date
    until: date
    """The last day that is compared."""
    base_since: date
    base_until: date
    """The last day that it is compared with."""
    articles: int
    base_articles: int
    applied_time: datetime | None


@dataclass(frozen=True, slots=True)
class DayTally:
    """How often an entity was mentioned on one day."""

    period: str
    """ISO 8601: a day, or a month where the store knows no more; empty: of no day."""
    mentions: int
    articles: int
    """How many articles mention it."""
    counted_articles: int
    """How many articles were counted."""


@dataclass(frozen=True, slots=True)
class History:
    """How often an entity was mentioned, by day."""

    entity: EntityTally
    """With all its mentions, whenever."""
    days: tuple[DayTally, ...]
    """Days on which articles were counted, ascending, those without a mention, too."""
    without_day: DayTally
    """What has no day."""
    applied_time: datetime | None


@dataclass(frozen=True, slots=True)
class PublicationMentions:
    """How often one publication mentions an entity."""

    publication: str
    """In the spelling first seen."""
    mentions: int
    articles: int
    counted_articles: int
    """How many of its articles were counted."""


@dataclass(frozen=True, slots=True)
class Mentioning:
    """The publications that mention an entity."""

    entity: EntityTally
    """With all its mentions, whenever."""
    publications: tuple[PublicationMentions, ...]
    """Those that mention it most first."""
    applied_time: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """Entities by the beginning of their text; in SQLite also by that of a further word of it."""

    entities: tuple[EntityTally, ...]
    """By text, then label; then those of which only a further word begins so, by that word."""
    more: bool
    """Whether there are more than were asked for."""
    applied_time: datetime | None
