"""What both ends of every connection agree on: options, metadata, and how long to stay away."""

import re
from collections.abc import Sequence

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import RetryInfo

from newstally_protos.limits import MESSAGE_LIMIT_BYTES

OWNER_KEY = "newstally-owner"
"""Metadata that tells the persister whose call it is."""
ANONYMOUS_OWNER = "anonymous"
"""The owner of everything until callers are authenticated."""

LIMITS_KEY = "newstally-limits"
"""Metadata that tells the persister the limits of the caller's key that it keeps itself, as
`open_uploads=3,uploads_per_day=100,publications_per_day=5`; what is not there is not bounded."""

GATEWAY_NAME = "gateway.newstally.internal"
EXTRACTOR_NAME = "extractor.newstally.internal"
PERSISTER_NAME = "persister.newstally.internal"
"""What the services call themselves in their certificates for each other, unless told otherwise."""

_COMMON: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT_BYTES),
    # Whoever sends keeps below the limit; see SEND_LIMIT_BYTES and newstally._gateway.encoding.
    ("grpc.max_send_message_length", -1),
    # A peer whose packets are lost is noticed within ten seconds. Not more often than every five:
    # servers of release 0.2 answer that with GOAWAY.
    ("grpc.keepalive_time_ms", 5_500),
    ("grpc.keepalive_timeout_ms", 3_500),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Without the probe the HTTP/2 window stays at 64 KiB: a peer that does not read is noticed
    # after that, not after 4 MiB.
    ("grpc.http2.bdp_probe", 0),
)

SERVER_OPTIONS: Sequence[tuple[str, int]] = (
    *_COMMON,
    # Pings that come more often than this are answered with GOAWAY.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    # Two processes on one port would share its connections silently.
    ("grpc.so_reuseport", 0),
)

CHANNEL_OPTIONS: Sequence[tuple[str, int]] = (
    *_COMMON,
    # Retries are decided by the caller, who knows what is idempotent.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 3_000),
)


def connect(
    target: str,
    credentials: grpc.ChannelCredentials | None = None,
    name: str | None = None,
    interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
) -> grpc.aio.Channel:
    """Open a channel to `host:port`; with credentials over TLS. Nothing is sent before a call.

    `name`: what the server's certificate must name, if that is not the host of the target.
    """
    options: list[tuple[str, int | str]] = list(CHANNEL_OPTIONS)
    if credentials is None:
        # What http_proxy names would be told all in plain text, also what is for this machine.
        options.append(("grpc.enable_http_proxy", 0))
        return grpc.aio.insecure_channel(target, options=options, interceptors=interceptors)
    if name is not None:
        options.append(("grpc.ssl_target_name_override", name))
    return grpc.aio.secure_channel(target, credentials, options=options, interceptors=interceptors)


def retry_delay_seconds(error: grpc.RpcError) -> float | None:
    """Return the RetryInfo delay that an error carries, 0 or more; None if it carries none."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _read_delay(value if isinstance(value, bytes) else value.encode("latin-1"))
    return None


def _read_delay(data: bytes) -> float | None:
    info = RetryInfo()
    try:
        for detail in status_pb2.Status.FromString(data).details:
            if detail.Unpack(info):
                return max(0.0, info.retry_delay.ToTimedelta().total_seconds())
    except DecodeError:
        pass  # the code of the error says enough
    return None


_BREAKS: tuple[tuple[str, str], ...] = (
    ("Connection refused", "nothing listens there"),
    ("DNS resolution|Domain name not found|Could not contact DNS", "its name is not resolved"),
    ("No route to host|[Nn]etwork is unreachable", "no way leads there"),
    ("CERTIFICATE_VERIFY_FAILED|Peer name", "its certificate is not to be believed"),
    ("[Hh]andshake|SSL_ERROR", "no TLS connection comes about"),
    ("HTTP status code|:status header", "something else answers there, a proxy perhaps"),
    ("Deadline Exceeded|Deadline exceeded", "it does not answer in time"),
    ("keepalive|ping timeout|[Tt]imed out|Timeout occurred|FD Shutdown", "it has gone silent"),
    (
        "Socket closed|Connection reset|Broken pipe|Stream removed|RST_STREAM|GOAWAY|End of TCP"
        "|Endpoint read failed|Connection aborted|recvmsg|sendmsg|Transport closed",
        "the connection broke off",
    ),
    ("failed to connect to all addresses|empty address list", "no connection comes about"),
)


_MAY_BREAK = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.CANCELLED,
    }
)


def told_break(error: grpc.aio.AioRpcError) -> str | None:
    """Return in plain words what gRPC's own text says of a connection, or None.

    Such a text stands beside a code that a peer may have answered, with words of its own.
    """
    if error.code() not in _MAY_BREAK:
        return None
    details = error.details() or ""
    return next((told for text, told in _BREAKS if re.search(text, details)), None)
