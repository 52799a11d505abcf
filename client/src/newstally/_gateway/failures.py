"""What a gRPC status means to a caller."""

import grpc
from newstally_protos.wire import retry_delay_seconds, told_break

from newstally.errors import (
    AccessDenied,
    GatewayBusy,
    GatewayUnavailable,
    InvalidRequest,
    MessageTooLarge,
    NewstallyError,
    NotFound,
    PermanentError,
    Unanswered,
    UnexpectedStatus,
    UploadIdTaken,
)

_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        # Whether an upload went backwards, which is what the protocol means by ABORTED, shows
        # when its state is read before the next try.
        grpc.StatusCode.ABORTED,
        # From a connection that broke in the middle, and from proxies.
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)

_PERMANENT: dict[grpc.StatusCode, type[PermanentError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.PERMISSION_DENIED: AccessDenied,
    grpc.StatusCode.UNAUTHENTICATED: AccessDenied,
    grpc.StatusCode.ALREADY_EXISTS: UploadIdTaken,
    grpc.StatusCode.RESOURCE_EXHAUSTED: MessageTooLarge,
    grpc.StatusCode.UNIMPLEMENTED: Unanswered,
}


def translate(error: grpc.aio.AioRpcError) -> NewstallyError:
    """Return the exception of this library for a failed call.

    What gRPC itself says of a connection is told in plain words; its own are those of `error`.
    """
    code = error.code()
    message = f"{told_break(error) or error.details() or 'no details'} ({code.name})"
    delay = retry_delay_seconds(error)
    if delay is not None and (code is grpc.StatusCode.RESOURCE_EXHAUSTED or code in _TRANSIENT):
        return GatewayBusy(message, delay)
    if code in _TRANSIENT:
        return GatewayUnavailable(message)
    return _PERMANENT.get(code, UnexpectedStatus)(message)
