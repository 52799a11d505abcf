"""UploadService and TallyService for the outside world: passed on to the persister."""

from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from newstally_protos.keys import allows
from newstally_protos.v1 import tally_pb2 as tally
from newstally_protos.v1 import upload_pb2 as upload
from newstally_protos.v1.tally_pb2_grpc import TallyServiceServicer
from newstally_protos.v1.upload_pb2_grpc import UploadServiceServicer
from newstally_protos.wire import told_break
from newstally_runtime.status import StatusError, abort

from newstally_gateway.calling import caller
from newstally_gateway.persister.client import NO_SUCH_UPLOAD, Persister, caller_metadata

FORWARD_SECONDS = 10.0
"""Deadline of a call passed on, if the caller's own is not nearer."""

Context = grpc.aio.ServicerContext[Any, Any]
Response = TypeVar("Response", bound=Message)


async def forward(
    method: grpc.aio.UnaryUnaryMultiCallable[Any, Response], request: Message, context: Context
) -> Response:
    """Call the persister's method for the caller; its status and details are passed back unchanged.

    But gRPC's own words of a connection that breaks are not the persister's, and name addresses
    that are nobody's affair: those are told in plain words. The caller's own metadata goes no
    further: the owner is what the gateway says.
    """
    remaining = context.time_remaining()
    timeout = FORWARD_SECONDS if remaining is None else min(remaining, FORWARD_SECONDS)
    try:
        return await method(request, timeout=timeout, metadata=caller_metadata(caller()))
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.PERMISSION_DENIED:
            # Release 0.2.0 says so of another owner's upload, whose being there is nobody's affair.
            await context.abort(grpc.StatusCode.NOT_FOUND, NO_SUCH_UPLOAD)
        trailing = tuple((key, value) for key, value in error.trailing_metadata() or ())
        told = told_break(error)
        details = f"the persister does not answer: {told}" if told else error.details() or ""
        await context.abort(error.code(), details, trailing)


async def read(
    method: grpc.aio.UnaryUnaryMultiCallable[Any, Response], request: Message, context: Context
) -> Response:
    """Call a method of TallyService, as far as the caller's key may read: see `bound_to`."""
    globs = caller().publications
    try:
        bound_to(globs, request)
    except StatusError as error:
        await abort(context, error)
    response = await forward(method, request, context)
    if globs is not None and not getattr(response, "filtered", True):
        # A persister of release 0.2.0 lists all, and names them in its page tokens, too.
        await context.abort(
            grpc.StatusCode.UNAVAILABLE, "the persister does not know of keys yet: try later"
        )
    return response


def bound_to(globs: tuple[str, ...] | None, request: Message) -> None:
    """Bind a request to publications; None: to any. Raises StatusError for what it may not read.

    A request names its publication; or it lists them, and says itself which; or it is about all.
    """
    if isinstance(request, tally.ListPublicationsRequest):
        request.readable[:] = globs or ()
    elif globs is not None:
        named = getattr(request, "publication", "")
        if not named.strip():
            raise StatusError(
                grpc.StatusCode.PERMISSION_DENIED,
                "this key is bound to some publications, and this question is about all: name one",
            )
        if not allows(globs, named):
            raise StatusError(grpc.StatusCode.NOT_FOUND, "no tallies of this publication")


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

    async def ListUploads(  # noqa: N802
        self, request: upload.ListUploadsRequest, context: Context
    ) -> upload.ListUploadsResponse:
        """List the caller's uploads."""
        return await forward(self._stub.ListUploads, request, context)

    async def AssignUpload(  # noqa: N802
        self, request: upload.AssignUploadRequest, context: Context
    ) -> upload.AssignUploadResponse:
        """Give an upload that was made without a key to an owner."""
        return await forward(self._stub.AssignUpload, request, context)


class ForwardedTallies(TallyServiceServicer):
    """The persister's TallyService."""

    def __init__(self, persister: Persister) -> None:
        self._stub = persister.tallies

    async def ListPublications(  # noqa: N802
        self, request: tally.ListPublicationsRequest, context: Context
    ) -> tally.ListPublicationsResponse:
        """List the publications of the store."""
        return await read(self._stub.ListPublications, request, context)

    async def ListEntityTallies(  # noqa: N802
        self, request: tally.ListEntityTalliesRequest, context: Context
    ) -> tally.ListEntityTalliesResponse:
        """List the entities of one publication."""
        return await read(self._stub.ListEntityTallies, request, context)

    async def RankEntities(  # noqa: N802
        self, request: tally.RankEntitiesRequest, context: Context
    ) -> tally.RankEntitiesResponse:
        """List the entities that were mentioned most within some days."""
        return await read(self._stub.RankEntities, request, context)

    async def ListRisingEntities(  # noqa: N802
        self, request: tally.ListRisingEntitiesRequest, context: Context
    ) -> tally.ListRisingEntitiesResponse:
        """List the entities that are mentioned more than before."""
        return await read(self._stub.ListRisingEntities, request, context)

    async def GetEntityHistory(  # noqa: N802
        self, request: tally.GetEntityHistoryRequest, context: Context
    ) -> tally.GetEntityHistoryResponse:
        """Return how often an entity was mentioned, by day."""
        return await read(self._stub.GetEntityHistory, request, context)

    async def ListEntityPublications(  # noqa: N802
        self, request: tally.ListEntityPublicationsRequest, context: Context
    ) -> tally.ListEntityPublicationsResponse:
        """List the publications that mention an entity."""
        return await read(self._stub.ListEntityPublications, request, context)

    async def FindEntities(  # noqa: N802
        self, request: tally.FindEntitiesRequest, context: Context
    ) -> tally.FindEntitiesResponse:
        """List entities by how their text begins."""
        return await read(self._stub.FindEntities, request, context)
