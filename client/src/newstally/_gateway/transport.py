"""The channel, and what a gRPC status means to a caller."""

from collections.abc import Sequence

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import RetryInfo

from newstally.errors import (
    AccessDenied,
    GatewayBusy,
    GatewayUnavailable,
    InvalidRequest,
    MessageTooLarge,
    NewstallyError,
    NotFound,
    PermanentError,
    UnexpectedStatus,
    UploadIdTaken,
)

RECEIVE_LIMIT_BYTES = 4 * 1024 * 1024
"""Largest message that services send and take."""

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
    # What a client sends is bounded by newstally._gateway.encoding.
    ("grpc.max_send_message_length", -1),
    # Services allow a ping every 5 s; more often would be answered with GOAWAY.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # What is sent and not yet settled is kept by the window; nothing is gained by 4 MiB more.
    ("grpc.http2.bdp_probe", 0),
    # This library knows what is idempotent and retries itself.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 3_000),
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
}


def connect(target: str) -> grpc.aio.Channel:
    """Open a channel to `host:port`. Nothing is sent before the first call."""
    return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)


def translate(error: grpc.aio.AioRpcError) -> NewstallyError:
    """Return the exception of this library for a failed call."""
    code = error.code()
    message = f"{error.details() or 'no details'} ({code.name})"
    delay = _retry_delay_seconds(error)
    if delay is not None and (code is grpc.StatusCode.RESOURCE_EXHAUSTED or code in _TRANSIENT):
        return GatewayBusy(message, delay)
    if code in _TRANSIENT:
        return GatewayUnavailable(message)
    return _PERMANENT.get(code, UnexpectedStatus)(message)


def _retry_delay_seconds(error: grpc.aio.AioRpcError) -> float | None:
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        data = value if isinstance(value, bytes) else value.encode("latin-1")
        info = RetryInfo()
        try:
            for detail in status_pb2.Status.FromString(data).details:
                if detail.Unpack(info):
                    return max(0.0, info.retry_delay.ToTimedelta().total_seconds())
        except DecodeError:
            return None  # the code says enough
    return None
