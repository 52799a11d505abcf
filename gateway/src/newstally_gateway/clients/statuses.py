"""What a stream of the public door is ended with when it is not its client's doing."""

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from newstally_runtime.status import StatusError, wait

COME_AGAIN_SECONDS = 2.0
"""What a client is asked to wait when there are too many streams."""
STAY_AWAY_SECONDS = 5
"""What the client of an idle stream is asked to wait that made room for another one: longer, or it
would be back before that one."""


def draining() -> StatusError:
    """Return what ends a stream of a gateway that goes away."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "draining, resume elsewhere")


def crowded() -> StatusError:
    """Return what ends a stream for which there is no memory."""
    return wait(COME_AGAIN_SECONDS, "too many open streams; see --memory-bytes")


def idle() -> StatusError:
    """Return what ends a stream that holds memory and does nothing while others want it."""
    return StatusError(
        grpc.StatusCode.UNAVAILABLE,
        "idle, resume when there is something to send",
        RetryInfo(retry_delay=Duration(seconds=STAY_AWAY_SECONDS)),
    )


def silent() -> StatusError:
    """Return what ends a stream on which nothing was ever sent."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "no first message came")


def faulty() -> StatusError:
    """Return what ends a stream that met a bug."""
    return StatusError(grpc.StatusCode.INTERNAL, "a fault of the gateway")
