"""TallyService: reads the tallies that are in the sink."""

import contextlib
from typing import Any

from newstally_protos.v1 import tally_pb2
from newstally_runtime.status import invalid

from newstally_persister.services.answering import answered
from newstally_persister.services.messages import entity_message, publication_message
from newstally_persister.services.paging import PAGE_BYTES, next_token, page_items, read_token
from newstally_persister.services.question_service import QuestionService
from newstally_persister.services.reads import Reads
from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Page,
    PageLimits,
    PublicationUnknownError,
    Sink,
)
from newstally_persister.values.keys import older_publication_key, publication_key


class TallyService(QuestionService):
    """Pages through the sink."""

    def __init__(self, sink: Sink, reads: Reads) -> None:
        self._sink = sink
        self._reads = reads

    @answered
    async def ListPublications(  # noqa: N802
        self, request: tally_pb2.ListPublicationsRequest, _context: Any
    ) -> tally_pb2.ListPublicationsResponse:
        """List publications by mentions, descending, then key."""
        query = ("publications",)
        limits = PageLimits(page_items(request.page_size), PAGE_BYTES)
        after = read_token(request.page_token, query, (int, str))
        page = await self._sink.list_publications(limits, after)
        token = ""
        if page.more:
            last = page.items[-1]
            token = next_token(query, (last.mentions, last.key))
        return tally_pb2.ListPublicationsResponse(
            publications=map(publication_message, page.items),
            next_page_token=token,
            models=await self._reads.run(lambda reader: reader.models()),
        )

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
        page = await self._list_entities(request, key, limits, after)
        token = ""
        if page.more:
            last = page.items[-1]
            token = next_token(query, (last.mentions, last.text, last.label))
        return tally_pb2.ListEntityTalliesResponse(
            entity_tallies=map(entity_message, page.items), next_page_token=token
        )

    async def _list_entities(
        self,
        request: tally_pb2.ListEntityTalliesRequest,
        key: str,
        limits: PageLimits,
        after: EntityPosition | None,
    ) -> Page[EntityTally]:
        """List them under the key that the sink knows; see journal.older_keys."""
        stored = await self._reads.run(lambda reader: reader.stored_key(key))
        # A journal that is younger than the sink does not know the sink's older keys.
        *others, last = dict.fromkeys((stored, key, older_publication_key(request.publication)))
        for each in others:
            with contextlib.suppress(PublicationUnknownError):
                return await self._sink.list_entity_tallies(each, request.label, limits, after)
        return await self._sink.list_entity_tallies(last, request.label, limits, after)
