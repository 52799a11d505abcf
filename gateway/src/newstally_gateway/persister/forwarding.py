"""UploadService and TallyService for the outside world: passed on to the persister."""

from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from newstally_protos.v1 import tally_pb2 as tally
from newstally_protos.v1 import upload_pb2 as upload
from newstally_protos.v1.tally_pb2_grpc import TallyServiceServicer
from newstally_protos.v1.upload_pb2_grpc import UploadServiceServicer
from newstally_protos.wire import ANONYMOUS_OWNER

from newstally_gateway.persister.client import Persister, owner_metadata

FORWARD_SECONDS = 10.0
"""Deadline of a call passed on, if the caller's own is not nearer."""

Context = grpc.aio.ServicerContext[Any, Any]
Response = TypeVar("Response", bound=Message)


async def forward(
    method: grpc.aio.UnaryUnaryMultiCallable[Any, Response], request: Message, context: Context
) -> Response:
    """Call the persister's method for the caller; its status and details are passed back unchanged.

    The caller's own metadata goes no further: the owner is what the gateway says.
    """
    remaining = context.time_remaining()
    timeout = FORWARD_SECONDS if remaining is None else min(remaining, FORWARD_SECONDS)
    try:
        return await method(request, timeout=timeout, metadata=owner_metadata(ANONYMOUS_OWNER))
    except grpc.aio.AioRpcError as error:
        trailing = tuple((key, value) for key, value in error.trailing_metadata() or ())
        await context.abort(error.code(), error.details() or "", trailing)


class ForwardedUploads(UploadServiceServicer):
    """The persister's UploadService."""

    def __init__(self, persister: Persister) -> None:
        self._stub = persister.uploads

    async def CreateUpload(  # noqa: N802 - the protocol's name
        self, request: upload.CreateUploadRequest, context: Context
    ) -> upload.CreateUploadResponse:
        """Make an upload for the caller."""
        return await forward(self._stub.CreateUpload, request, context)

    async def GetUpload(  # noqa: N802
        self, request: upload.GetUploadRequest, context: Context
    ) -> upload.GetUploadResponse:
        """Return one of the caller's uploads."""
        return await forward(self._stub.GetUpload, request, context)

    async def ListRefusals(  # noqa: N802
        self, request: upload.ListRefusalsRequest, context: Context
    ) -> upload.ListRefusalsResponse:
        """List the refusals of one of the caller's uploads."""
        return await forward(self._stub.ListRefusals, request, context)


class ForwardedTallies(TallyServiceServicer):
    """The persister's TallyService."""

    def __init__(self, persister: Persister) -> None:
        self._stub = persister.tallies

    async def ListPublications(  # noqa: N802
        self, request: tally.ListPublicationsRequest, context: Context
    ) -> tally.ListPublicationsResponse:
        """List the publications of the store."""
        return await forward(self._stub.ListPublications, request, context)

    async def ListEntityTallies(  # noqa: N802
        self, request: tally.ListEntityTalliesRequest, context: Context
    ) -> tally.ListEntityTalliesResponse:
        """List the entities of one publication."""
        return await forward(self._stub.ListEntityTallies, request, context)
