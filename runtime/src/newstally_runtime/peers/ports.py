"""What may connect to a gRPC port, and for how long."""

import resource
from collections.abc import Sequence
from dataclasses import dataclass

from newstally_protos.wire import SERVER_OPTIONS

HANDSHAKE_SECONDS = 10
"""A connection that has not said that it is HTTP/2 by then is closed."""
PENDING_CALLS = 4_000
"""Calls that gRPC holds while the event loop is busy; beyond it resets calls at random, so it is
more than a few connections can bring about."""
RESERVED_DESCRIPTORS = 64
"""Kept for files, for links, and for the admin port: connections get what the system leaves."""


@dataclass(frozen=True, slots=True)
class PortLimits:
    """The bounds of one gRPC port."""

    connections: int
    """Connections that may stay; for newcomers there is room for as many again, for a moment."""
    calls_per_connection: int
    """Calls that one connection may carry at once."""
    idle_seconds: float
    """A connection without calls is closed after this."""
    age_seconds: float | None = None
    """A connection is asked to end after about this, 10 % more or less; None: never."""
    grace_seconds: float = 0.0
    """What its calls get from then on."""


def server_options(limits: PortLimits) -> Sequence[tuple[str, int]]:
    """Return gRPC's options for a port with these limits."""
    options = [
        *SERVER_OPTIONS,
        ("grpc.max_allowed_incoming_connections", 2 * staying(limits)),
        # Calls that are reset at once count until they are forgotten, so that a peer cannot have
        # more of them by resetting.
        ("grpc.max_concurrent_streams", limits.calls_per_connection),
        ("grpc.max_connection_idle_ms", int(limits.idle_seconds * 1000)),
        ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
        ("grpc.server.max_pending_requests", PENDING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", 2 * PENDING_CALLS),
    ]
    if limits.age_seconds is not None:
        options += [
            ("grpc.max_connection_age_ms", int(limits.age_seconds * 1000)),
            ("grpc.max_connection_age_grace_ms", int(limits.grace_seconds * 1000)),
        ]
    return options


def staying(limits: PortLimits) -> int:
    """Return how many connections may stay: what is set, or what file descriptors allow."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return limits.connections
    # Below twice the reserve there is no good share, only a fair one.
    return max(1, min(limits.connections, max(soft - RESERVED_DESCRIPTORS, soft // 2) // 2))
