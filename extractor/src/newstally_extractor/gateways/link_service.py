"""The gRPC side of a link."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1 import extractor_pb2_grpc as pb_grpc
from newstally_runtime.status import StatusError, abort

from newstally_extractor.core.link import State
from newstally_extractor.gateways.work_loop import WorkLoop


class LinkService(pb_grpc.ExtractorServiceServicer):
    """Serves links: for each a reader task, and the handler itself as the writer."""

    def __init__(self, work: WorkLoop) -> None:
        """Serve the links of a replica."""
        self._work = work

    async def Extract(  # noqa: N802 - the protocol's name
        self,
        request_iterator: AsyncIterator[pb.ExtractRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[pb.ExtractResponse]:
        """Carry one link. Errors: UNAVAILABLE (draining; use another replica)."""
        if self._work.replica.draining:
            await abort(
                context, StatusError(grpc.StatusCode.UNAVAILABLE, "the replica is draining")
            )
        stream = Stream(self._work)
        reader = asyncio.create_task(stream.read(request_iterator), name="link reader")

        def gone(_: object) -> None:
            reader.cancel()
            stream.close()

        # A stream that breaks while a message is being written never comes back to this generator.
        context.add_done_callback(gone)  # type: ignore[arg-type] # the stubs want a class
        try:
            while (response := await stream.next_response()) is not None:
                yield response
        finally:
            gone(None)
            await asyncio.gather(reader, return_exceptions=True)


class Stream:
    """Carries one link."""

    def __init__(self, work: WorkLoop) -> None:
        """Open the link."""
        self._work = work
        self._writable = asyncio.Event()
        self._readable = asyncio.Event()
        self._error: Exception | None = None
        self._link = work.open(self)

    def stirred(self) -> None:
        """Wake the writer and the reader."""
        self._writable.set()
        self._readable.set()

    def close(self) -> None:
        """Forget the link. Again: no effect."""
        self._work.close(self._link)

    async def read(self, requests: AsyncIterator[pb.ExtractRequest]) -> None:
        """Read as far as the window allows.

        The end of the requests does not say that the gateway lives: what waits is dropped when the
        handler ends, not here.
        """
        try:
            async for request in requests:
                self._work.take(self._link, request)
                while not self._link.has_room:
                    self._readable.clear()
                    await self._readable.wait()
        except Exception as problem:  # noqa: BLE001 - the writer raises it
            self._error = problem
        self._link.finish()

    async def next_response(self) -> pb.ExtractResponse | None:
        """Return what to send next; None when the link has ended. Raises what broke the requests.

        Asking for it says that the previous one was accepted by the transport.
        """
        self._work.replica.accepted(self._link)
        while True:
            if self._error is not None:
                raise self._error
            self._writable.clear()
            response = self._link.next_response()
            if response is not None or self._link.state is State.ENDED:
                return response
            await self._writable.wait()
