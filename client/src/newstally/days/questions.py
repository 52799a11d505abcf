"""Asks for tallies by day."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.v1 import tally_pb2

from newstally._gateway.decoding import to_entity_tally
from newstally.days.answers import (
    DayTally,
    Found,
    History,
    Mentioning,
    PublicationMentions,
    Ranking,
    Rising,
    RisingEntity,
)
from newstally.errors import Unanswered

Item = TypeVar("Item")
Pages = Callable[[Callable[..., Awaitable[Any]], Any], AsyncIterator[Any]]
"""Calls a method for page after page."""
DEFAULT_LIMIT = 100
ALL_DAYS = 1 << 31
_UNKNOWN_METHOD = "Method not found!"
"""What gRPC says of a method that a server has not got."""


class Questions:
    """Questions by day; `NewstallyClient.questions` has one.

    Everywhere: `publication` in any spelling, None for all together; `since` and `until` are days
    in UTC, both included, None leaves that end open; without either, what has no day belongs to
    it. `limit` is how many to return at most.

    Raises NotFound where nothing of the publication or entity is there, Unanswered where the store
    cannot answer within its bounds (the message says what to do) and where the persister is too
    old; InvalidRequest for days that end before they begin.
    """

    def __init__(self, stub: Any, pages: Pages) -> None:
        """`stub` is that of TallyService."""
        self._stub = stub
        self._pages = pages

    async def ranking(
        self,
        publication: str | None = None,
        *,
        since: date | None = None,
        until: date | None = None,
        label: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Ranking:
        """Return what was mentioned most, of one label if it is given."""
        request = tally_pb2.RankEntitiesRequest(
            publication=publication or "",
            days=_days(since, until),
            label=label,
            page_size=_page_size(limit),
        )
        first, items = await self._all(
            self._stub.RankEntities, request, lambda page: page.entity_tallies, limit
        )
        return Ranking(tuple(map(to_entity_tally, items)), first.articles, _applied(first))

    async def rising(
        self,
        publication: str | None = None,
        *,
        since: date | None = None,
        until: date | None = None,
        base_since: date | None = None,
        base_until: date | None = None,
        label: str = "",
        min_articles: int = 0,
        limit: int = DEFAULT_LIMIT,
    ) -> Rising:
        """Return what is mentioned more per article than in the days before.

        Without `since` and `until` (both or none): the seven days up to the last one with articles;
        without `base_since` and `base_until`: the four weeks before. At least `min_articles` must
        mention it, 0 means 3. Raises InvalidRequest also where a period has no articles.
        """
        request = tally_pb2.ListRisingEntitiesRequest(
            publication=publication or "",
            days=_days(since, until),
            base=_days(base_since, base_until),
            label=label,
            min_articles=min_articles,
            page_size=_page_size(limit),
        )
        first, items = await self._all(
            self._stub.ListRisingEntities, request, lambda page: page.entities, limit
        )
        return Rising(
            tuple(
                RisingEntity(
                    to_entity_tally(each.tally),
                    each.base_mentions,
                    each.base_articles,
                    each.times,
                    each.at_least,
                )
                for each in items
            ),
            date.fromisoformat(first.days.first),
            date.fromisoformat(first.days.last),
            date.fromisoformat(first.base.first),
            date.fromisoformat(first.base.last),
            first.articles,
            first.base_articles,
            _applied(first),
        )

    async def history(
        self,
        text: str,
        *,
        label: str = "",
        publication: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> History:
        """Return one entity day by day.

        `text` in any case; without a label it is the one under which the text has most mentions.
        """
        request = tally_pb2.GetEntityHistoryRequest(
            text=text,
            label=label,
            publication=publication or "",
            days=_days(since, until),
            page_size=PAGE_LIMIT_ITEMS,
        )
        first, items = await self._all(
            self._stub.GetEntityHistory, request, lambda page: page.days, ALL_DAYS
        )
        return History(
            to_entity_tally(first.entity_tally),
            tuple(map(_day, items)),
            _day(first.without_day),
            _applied(first),
        )

    async def publications(
        self,
        text: str,
        *,
        label: str = "",
        since: date | None = None,
        until: date | None = None,
        limit: int = DEFAULT_LIMIT,
    ) -> Mentioning:
        """Return which publications mention one entity; `text` and `label` as in `history`."""
        request = tally_pb2.ListEntityPublicationsRequest(
            text=text, label=label, days=_days(since, until), page_size=_page_size(limit)
        )
        first, items = await self._all(
            self._stub.ListEntityPublications, request, lambda page: page.publications, limit
        )
        return Mentioning(
            to_entity_tally(first.entity_tally),
            tuple(
                PublicationMentions(
                    each.publication, each.mentions, each.articles, each.counted_articles
                )
                for each in items
            ),
            _applied(first),
        )

    async def find(
        self,
        beginning: str,
        *,
        publication: str | None = None,
        label: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found:
        """Return the entities whose text, or a further word of it, begins so, in any case.

        In Firestore only those whose text does.
        """
        request = tally_pb2.FindEntitiesRequest(
            beginning=beginning,
            publication=publication or "",
            label=label,
            page_size=_page_size(limit),
        )
        first, items = await self._all(
            self._stub.FindEntities, request, lambda page: page.entity_tallies, limit + 1
        )
        return Found(
            tuple(map(to_entity_tally, items[:limit])), len(items) > limit, _applied(first)
        )

    async def _all(
        self,
        method: Callable[..., Awaitable[Any]],
        request: Any,
        items: Callable[[Any], list[Item]],
        limit: int,
    ) -> tuple[Any, list[Item]]:
        """Return the first page, and the items of as many as are needed."""
        first: Any = None
        found: list[Item] = []
        try:
            async for page in self._pages(method, request):
                first = first or page
                found += items(page)
                if len(found) >= limit:
                    break
        except Unanswered as error:
            if _UNKNOWN_METHOD in str(error):
                raise Unanswered(
                    "the gateway or its persister is of a release before 0.3, which does not know"
                    f" this question ({error})"
                ) from error
            raise
        return first, found[:limit]


def _days(since: date | None, until: date | None) -> tally_pb2.Days:
    return tally_pb2.Days(
        first=since.isoformat() if since else "", last=until.isoformat() if until else ""
    )


def _page_size(limit: int) -> int:
    if limit < 1:
        raise ValueError("limit must be 1 or more")
    return min(limit, PAGE_LIMIT_ITEMS)


def _day(message: tally_pb2.DayTally) -> DayTally:
    return DayTally(message.period, message.mentions, message.articles, message.counted_articles)


def _applied(page: Any) -> datetime | None:
    if not page.HasField("applied_time"):
        return None
    applied: datetime = page.applied_time.ToDatetime(UTC)
    return applied
