"""What the commands share that ask by day."""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from newstally.cli.output.sparks import signs_for, spark
from newstally.cli.running import say
from newstally.client import NewstallyClient
from newstally.days.answers import DayTally, Found, History, Ranking, Rising
from newstally.values import EntityTally


def _parse(given: object) -> datetime:
    """Raises BadParameter, with an example."""
    if isinstance(given, datetime):
        return given
    try:
        return datetime.strptime(str(given).strip(), "%Y-%m-%d")  # noqa: DTZ007 - only its day counts
    except ValueError as error:
        message = f"{str(given)!r} is no day; a day is year-month-day, for example 2026-11-01"
        raise typer.BadParameter(message) from error


Since = Annotated[
    datetime | None,
    typer.Option(parser=_parse, metavar="DAY", help="From this day on (UTC), 2026-11-01."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=_parse, metavar="DAY", help="Up to this day, itself included."),
]
SPARK_COLUMNS = 35
_BESIDE_COLUMNS = 64
"""What a table takes beside the lines, with names of usual length."""
AT_ONCE = 8
"""Histories that are asked for at a time."""


def day(given: datetime | None) -> date | None:
    """Return the day of an option."""
    return None if given is None else given.date()


def check(since: date | None, until: date | None) -> None:
    """Raise BadParameter for days that end before they begin."""
    if since is not None and until is not None and since > until:
        raise typer.BadParameter("--until must not be before --since")


def tell_applied(applied: datetime | None) -> None:
    """Say up to when the answer holds, unless that is now."""
    if applied is None:
        say("the newest articles may not be in it yet")
    elif datetime.now(UTC) - applied > timedelta(minutes=1):
        say(f"holds up to {applied:%Y-%m-%d %H:%M:%S} UTC; later articles are not in it yet")


def as_json(answer: Ranking | Rising | History | Found) -> dict[str, Any]:
    """Return an answer as an object for programs; days and times are ISO 8601."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(answer), default=date.isoformat))
    return plain


def on_terminal() -> bool:
    """Return whether a person looks at the output."""
    return Console().is_terminal


def draw(days: Sequence[DayTally], width: int) -> str:
    """Return a sparkline of mentions per day, with the days in between that have no articles."""
    return spark(filled(days), width, signs=signs_for(sys.stdout.encoding))


def filled(days: Sequence[DayTally]) -> list[int]:
    """Return the mentions of each day from the first to the last; a month counts as its first."""
    by_day = {_first_day(each.period): each.mentions for each in days}
    if not by_day:
        return []
    first, last = min(by_day), max(by_day)
    return [
        by_day.get(first + timedelta(days=number), 0) for number in range((last - first).days + 1)
    ]


async def sparks(
    client: NewstallyClient,
    entities: Iterable[EntityTally],
    publication: str | None,
    since: date,
    until: date,
) -> list[str]:
    """Return a sparkline for each entity, from the first day to the last."""
    turns = asyncio.Semaphore(AT_ONCE)
    width = max(SPARK_COLUMNS // 3, min(SPARK_COLUMNS, Console().width - _BESIDE_COLUMNS))

    async def one(entity: EntityTally) -> str:
        async with turns:
            found = await client.questions.history(
                entity.text,
                label=entity.label,
                publication=publication,
                since=since,
                until=until,
            )
        nothing = (DayTally(end.isoformat(), 0, 0, 0) for end in (since, until))
        known = {each.period: each for each in (*nothing, *found.days)}
        return draw(list(known.values()), width)

    return await asyncio.gather(*map(one, entities))


async def known(client: NewstallyClient, publication: str | None) -> str:
    """Say from when to when articles were counted, for those who asked for other days."""
    most = (await client.questions.ranking(publication, limit=1)).entities
    if most:
        found = await client.questions.history(
            most[0].text, label=most[0].label, publication=publication
        )
        if found.days:
            return f"there are articles from {found.days[0].period} to {found.days[-1].period}"
    return "no article has a day: `newstally upload --time-column NAME` names the column of times"


def _first_day(period: str) -> date:
    return date.fromisoformat(period if len(period) > len("2026-11") else f"{period}-01")
