"""TallyService: reads the tallies that are in the sink."""

from typing import Any

from newstally_protos.v1 import tally_pb2, tally_pb2_grpc
from newstally_runtime.status import invalid

from newstally_persister.services.answering import answered
from newstally_persister.services.messages import entity_message, publication_message
from newstally_persister.services.paging import PAGE_BYTES, next_token, page_items, read_token
from newstally_persister.sinks.base import PageLimits, Sink
from newstally_persister.values.keys import publication_key


class TallyService(tally_pb2_grpc.TallyServiceServicer):
    """Pages through the sink."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

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
            publications=map(publication_message, page.items), next_page_token=token
        )

    @answered
    async def ListEntityTallies(  # noqa: N802
        self, request: tally_pb2.ListEntityTalliesRequest, _context: Any
    ) -> tally_pb2.ListEntityTalliesResponse:
        """List one publication's entities by mentions, descending, then text and label."""
        key = publication_key(request.publication)
        if not key:
            raise invalid("publication", "is required")
        query = ("entities", key, request.label)
        limits = PageLimits(page_items(request.page_size), PAGE_BYTES)
        after = read_token(request.page_token, query, (int, str, str))
        page = await self._sink.list_entity_tallies(key, request.label, limits, after)
        token = ""
        if page.more:
            last = page.items[-1]
            token = next_token(query, (last.mentions, last.text, last.label))
        return tally_pb2.ListEntityTalliesResponse(
            entity_tallies=map(entity_message, page.items), next_page_token=token
        )
