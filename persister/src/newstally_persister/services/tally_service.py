"""TallyService: reads the tallies that are in the sink."""

from collections.abc import Callable
from typing import Any

from newstally_protos.keys import allows
from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.v1 import tally_pb2
from newstally_runtime.status import invalid

from newstally_persister.services.answering import answered
from newstally_persister.services.messages import entity_message, publication_message
from newstally_persister.services.paging import PAGE_BYTES, next_token, page_items, read_token
from newstally_persister.services.question_service import QuestionService
from newstally_persister.services.reads import Reads
from newstally_persister.sinks.base import (
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    Sink,
)
from newstally_persister.sinks.questions.asked import Questions
from newstally_persister.values.keys import publication_key

_SCANNED = PageLimits(PAGE_LIMIT_ITEMS, PAGE_BYTES)
"""What is looked at at a time where not all may be read."""


class TallyService(QuestionService):
    """Pages through the sink."""

    def __init__(
        self,
        sink: Sink,
        questions: Questions,
        reads: Reads,
        applied: Callable[[], float | None],
    ) -> None:
        """See QuestionService."""
        super().__init__(questions, reads, applied)
        self._sink = sink

    @answered
    async def ListPublications(  # noqa: N802
        self, request: tally_pb2.ListPublicationsRequest, _context: Any
    ) -> tally_pb2.ListPublicationsResponse:
        """List publications by mentions, descending, then key."""
        query = ("publications",)
        limits = PageLimits(page_items(request.page_size), PAGE_BYTES)
        after = read_token(request.page_token, query, (int, str))
        applied_time = self.applied_time()
        readable = tuple(request.readable) or None
        page = await self._list_publications(limits, after, readable)
        token = ""
        if page.more:
            last = page.items[-1]
            token = next_token(query, (last.mentions, last.key))
        return tally_pb2.ListPublicationsResponse(
            publications=map(publication_message, page.items),
            next_page_token=token,
            models=await self._reads.run(lambda reader: reader.models()),
            applied_time=applied_time,
            filtered=readable is not None,
        )

    async def _list_publications(
        self,
        limits: PageLimits,
        after: PublicationPosition | None,
        readable: tuple[str, ...] | None,
    ) -> Page[PublicationTally]:
        """Return a page of what may be read: its end names nothing else either."""
        if readable is None:
            return await self._sink.list_publications(limits, after)
        found: list[PublicationTally] = []
        while True:
            page = await self._sink.list_publications(_SCANNED, after)
            found += [each for each in page.items if allows(readable, each.key)]
            if len(found) > limits.items or not page.more:
                return Page(found[: limits.items], more=len(found) > limits.items)
            after = page.items[-1].mentions, page.items[-1].key

    @answered
    async def ListEntityTallies(  # noqa: N802
        self, request: tally_pb2.ListEntityTalliesRequest, _context: Any
    ) -> tally_pb2.ListEntityTalliesResponse:
        """List one publication's entities by mentions, descending, then text and label."""
        if not request.publication.strip():
            raise invalid("publication", "is required")
        key = publication_key(request.publication)
        query = ("entities", key, request.label)
        limits = PageLimits(page_items(request.page_size), PAGE_BYTES)
        after = read_token(request.page_token, query, (int, str, str))
        applied_time = self.applied_time()
        page = await self.of_publication(
            request.publication,
            lambda known: self._sink.list_entity_tallies(
                known or key, request.label, limits, after
            ),
        )
        token = ""
        if page.more:
            last = page.items[-1]
            token = next_token(query, (last.mentions, last.text, last.label))
        return tally_pb2.ListEntityTalliesResponse(
            entity_tallies=map(entity_message, page.items),
            next_page_token=token,
            applied_time=applied_time,
        )
