"""The gRPC side of a link."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1 import extractor_pb2_grpc as pb_grpc
from newstally_runtime.status import StatusError, abort

from newstally_extractor.core.link import Link
from newstally_extractor.gateways.replica import Replica


class ExtractorServicer(pb_grpc.ExtractorServiceServicer):
    """Serves links: for each a reader task, and the handler itself as the writer."""

    def __init__(self, replica: Replica) -> None:
        """Serve the links of a replica."""
        self._replica = replica

    async def Extract(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[pb.ExtractRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[pb.ExtractResponse]:
        """Carry one link. Errors: UNAVAILABLE (draining; use another replica)."""
        if self._replica.draining:
            await abort(
                context, StatusError(grpc.StatusCode.UNAVAILABLE, "the replica is draining")
            )
        link = self._replica.open()
        reader = asyncio.create_task(self._read(link, request_iterator), name="link reader")

        def gone(_: object) -> None:
            reader.cancel()
            self._replica.close(link)

        # A stream that breaks while a message is being written never comes back to this generator.
        context.add_done_callback(gone)  # type: ignore[arg-type] # the stubs want a class
        try:
            while (response := await link.next_response()) is not None:
                yield response
        finally:
            gone(None)
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, link: Link, requests: AsyncIterator[pb.ExtractRequest]) -> None:
        """Read as far as the window allows.

        The end of the requests does not say that the gateway lives: what waits is dropped when the
        handler ends, not here.
        """
        error: Exception | None = None
        try:
            async for request in requests:
                self._replica.take(link, request.work)
                await link.room()
        except Exception as problem:  # noqa: BLE001 - the writer raises it
            error = problem
        link.requests_ended(error)
