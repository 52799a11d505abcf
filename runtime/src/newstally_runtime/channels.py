"""gRPC options that both ends of every connection share.

Keepalive has to fit on both sides: a server answers pings that come too often with GOAWAY.
"""

from collections.abc import Sequence

import grpc

RECEIVE_LIMIT_BYTES = 4 * 1024 * 1024
"""Largest message a server or client takes: at least four times the content limit."""
SEND_LIMIT_BYTES = RECEIVE_LIMIT_BYTES - 64 * 1024
"""What is sent on is cut below this, so that the receiver's limit is never met."""

_COMMON: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Without the probe the HTTP/2 window stays at 64 KiB: a peer that does not read is noticed
    # after that, not after 4 MiB.
    ("grpc.http2.bdp_probe", 0),
)

SERVER_OPTIONS: Sequence[tuple[str, int]] = (
    *_COMMON,
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


def connect(target: str) -> grpc.aio.Channel:
    """Open a channel to `host:port`. Nothing is sent before the first call."""
    return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
