"""SetAsideService: what the sink refuses, for whoever operates the persister."""

from collections.abc import Awaitable, Callable
from typing import Any

from newstally_protos.v1 import set_aside_pb2, set_aside_pb2_grpc

from newstally_persister.services.answering import answered
from newstally_persister.services.reads import Reads


class SetAsideService(set_aside_pb2_grpc.SetAsideServiceServicer):
    """Lists the rows that are set aside, and has them tried again."""

    def __init__(self, reads: Reads, retry: Callable[[], Awaitable[int]]) -> None:
        """`retry` puts all rows back and returns how many there were."""
        self._reads = reads
        self._retry = retry

    @answered
    async def ListSetAsideRows(  # noqa: N802
        self, _request: set_aside_pb2.ListSetAsideRowsRequest, _context: Any
    ) -> set_aside_pb2.ListSetAsideRowsResponse:
        """List all of them."""
        found = await self._reads.run(lambda reader: reader.list_set_aside())
        return set_aside_pb2.ListSetAsideRowsResponse(
            rows=[
                set_aside_pb2.SetAsideRow(
                    publication=row.publication,
                    text=row.text,
                    label=row.label,
                    mentions=row.mentions,
                    articles=row.articles,
                    reason=row.reason,
                )
                for row in found
            ]
        )

    @answered
    async def RetrySetAsideRows(  # noqa: N802
        self, _request: set_aside_pb2.RetrySetAsideRowsRequest, _context: Any
    ) -> set_aside_pb2.RetrySetAsideRowsResponse:
        """Have all of them tried again."""
        return set_aside_pb2.RetrySetAsideRowsResponse(rows=await self._retry())
