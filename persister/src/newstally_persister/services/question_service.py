"""The questions of TallyService."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from newstally_protos.rising import MIN_ARTICLES
from newstally_protos.v1 import tally_pb2, tally_pb2_grpc
from newstally_runtime.status import invalid

from newstally_persister.services import question_requests as requests
from newstally_persister.services.answering import answered
from newstally_persister.services.messages import (
    day_message,
    entity_message,
    mentions_message,
    rising_message,
)
from newstally_persister.services.paging import PAGE_BYTES, next_token, page_items, read_token
from newstally_persister.services.reads import Reads
from newstally_persister.sinks.base import PageLimits, PublicationUnknownError
from newstally_persister.sinks.questions.asked import (
    Floor,
    Period,
    Questions,
    RisingPosition,
    first_day_of,
    read_day,
)
from newstally_persister.values.keys import older_publication_key, publication_key

Answer = TypeVar("Answer")
_DAY_SECONDS = 86_400


class QuestionService(tally_pb2_grpc.TallyServiceServicer):
    """Reads questions, has the sink answer them, and says up to when the answer holds."""

    def __init__(
        self,
        questions: Questions,
        reads: Reads,
        applied: Callable[[], float | None],
    ) -> None:
        """`applied` returns up to when what was settled is in the sink, in seconds since 1970."""
        self._questions = questions
        self._reads = reads
        self._applied = applied

    def applied_time(self) -> Timestamp | None:
        """Return up to when an answer holds that is read from now on."""
        seconds = self._applied()
        if seconds is None:
            return None
        stamp = Timestamp()
        stamp.FromMicroseconds(int(seconds * 1_000_000))
        return stamp

    @answered
    async def RankEntities(  # noqa: N802
        self, request: tally_pb2.RankEntitiesRequest, _context: Any
    ) -> tally_pb2.RankEntitiesResponse:
        """List the entities that were mentioned most within some days."""
        days = requests.read_days("days", request.days)
        query = _query(request)
        limits = _limits(request.page_size)
        after = read_token(request.page_token, query, (int, str, str))
        applied_time = self.applied_time()
        found = await self.of_publication(
            request.publication,
            lambda key: self._questions.rank(key, days, request.label, limits, after),
        )
        token = ""
        if found.page.more:
            last = found.page.items[-1]
            token = next_token(query, (last.mentions, last.text, last.label))
        return tally_pb2.RankEntitiesResponse(
            entity_tallies=map(entity_message, found.page.items),
            next_page_token=token,
            articles=found.articles,
            applied_time=applied_time,
        )

    @answered
    async def ListRisingEntities(  # noqa: N802
        self, request: tally_pb2.ListRisingEntitiesRequest, _context: Any
    ) -> tally_pb2.ListRisingEntitiesResponse:
        """List the entities that are mentioned more than before."""
        days = requests.read_period("days", request.days)
        base = requests.read_period("base", request.base)
        requests.check_apart(days, base)
        if request.min_articles < 0:
            raise invalid("min_articles", "must be 0 or more")
        floor = Floor(request.min_articles or MIN_ARTICLES, request.label)
        query = _query(request)
        limits = _limits(request.page_size)
        after = None
        if token := read_token(request.page_token, query, (str,) * 7):
            days, base, after = _rising_position(token)
        applied_time = self.applied_time()
        today = int(time.time() // _DAY_SECONDS)
        found = await self.of_publication(
            request.publication,
            lambda key: self._questions.rising(key, days, base, floor, limits, after, today),
        )
        spans = (requests.days_message(found.days), requests.days_message(found.base))
        next_page_token = ""
        if found.page.more:
            last = found.page.items[-1]
            ends = [end for span in spans for end in (span.first, span.last)]
            score = last.rise.at_least.hex()
            next_page_token = next_token(query, (*ends, score, last.tally.text, last.tally.label))
        return tally_pb2.ListRisingEntitiesResponse(
            entities=map(rising_message, found.page.items),
            next_page_token=next_page_token,
            days=spans[0],
            base=spans[1],
            articles=found.articles,
            base_articles=found.base_articles,
            applied_time=applied_time,
        )

    @answered
    async def GetEntityHistory(  # noqa: N802
        self, request: tally_pb2.GetEntityHistoryRequest, _context: Any
    ) -> tally_pb2.GetEntityHistoryResponse:
        """Return how often an entity was mentioned, by day."""
        name = requests.read_name(request.text, request.label)
        days = requests.read_days("days", request.days)
        query = _query(request)
        limits = _limits(request.page_size)
        token = read_token(request.page_token, query, (str,))
        after = _history_position(token) if token else None
        applied_time = self.applied_time()
        found = await self.of_publication(
            request.publication,
            lambda key: self._questions.history(key, name, days, limits, after),
        )
        return tally_pb2.GetEntityHistoryResponse(
            entity_tally=entity_message(found.entity),
            days=map(day_message, found.days.items),
            next_page_token=next_token(query, (found.days.items[-1].period,))
            if found.days.more
            else "",
            without_day=None if after else day_message(found.without_day),
            applied_time=applied_time,
        )

    @answered
    async def ListEntityPublications(  # noqa: N802
        self, request: tally_pb2.ListEntityPublicationsRequest, _context: Any
    ) -> tally_pb2.ListEntityPublicationsResponse:
        """List the publications that mention an entity."""
        name = requests.read_name(request.text, request.label)
        days = requests.read_days("days", request.days)
        query = _query(request)
        after = read_token(request.page_token, query, (int, str))
        applied_time = self.applied_time()
        found = await self._questions.publications(name, days, _limits(request.page_size), after)
        token = ""
        if found.page.more:
            last = found.page.items[-1]
            token = next_token(query, (last.mentions, last.key))
        return tally_pb2.ListEntityPublicationsResponse(
            entity_tally=entity_message(found.entity),
            publications=map(mentions_message, found.page.items),
            next_page_token=token,
            applied_time=applied_time,
        )

    @answered
    async def FindEntities(  # noqa: N802
        self, request: tally_pb2.FindEntitiesRequest, _context: Any
    ) -> tally_pb2.FindEntitiesResponse:
        """List entities by how their text begins."""
        beginning = requests.read_beginning(request.beginning)
        query = _query(request)
        limits = _limits(request.page_size)
        after = read_token(request.page_token, query, (str, str))
        applied_time = self.applied_time()
        found = await self.of_publication(
            request.publication,
            lambda key: self._questions.find(key, beginning, request.label, limits, after),
        )
        return tally_pb2.FindEntitiesResponse(
            entity_tallies=map(entity_message, found.items),
            next_page_token=next_token(query, found.next) if found.next else "",
            applied_time=applied_time,
        )

    async def of_publication(
        self, publication: str, ask: Callable[[str | None], Awaitable[Answer]]
    ) -> Answer:
        """Ask of all publications, or of one under the key that the sink knows: see older_keys."""
        if not publication.strip():
            return await ask(None)
        key = publication_key(publication)
        stored = await self._reads.run(lambda reader: reader.stored_key(key))
        # A journal that is younger than the sink does not know the sink's older keys.
        *others, last = dict.fromkeys((stored, key, older_publication_key(publication)))
        for each in others:
            with contextlib.suppress(PublicationUnknownError):
                return await ask(each)
        return await ask(last)


def _limits(page_size: int) -> PageLimits:
    return PageLimits(page_items(page_size), PAGE_BYTES)


def _query(request: Any) -> tuple[str, str]:
    """Return what tells a list from any other: all of the request but the page."""
    question = type(request)()
    question.CopyFrom(request)
    question.ClearField("page_token")
    question.ClearField("page_size")
    return type(request).__name__, question.SerializeToString(deterministic=True).hex()


def _rising_position(token: tuple[str, ...]) -> tuple[Period, Period, RisingPosition]:
    """Return what a token of this service has: the days, too, because the last day moves on."""
    *ends, score, text, label = token
    try:
        first, last, base_first, base_last = map(read_day, ends)
        return (
            Period(first, last),
            Period(base_first, base_last),
            (float.fromhex(score), text, label),
        )
    except (ValueError, OverflowError) as error:
        raise invalid("page_token", "was not given out for this list") from error


def _history_position(token: tuple[str, ...]) -> str:
    """Return the period of a token of this service: a day, or a month."""
    (period,) = token
    try:
        first_day_of(period)
    except ValueError as error:
        raise invalid("page_token", "was not given out for this list") from error
    return period
