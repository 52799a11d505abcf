"""What a stream ends with, as a status of gRPC."""

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from newstally_runtime.status import StatusError, invalid, wait

from newstally_gateway.core.clients.statuses import Reason, Status

ERROR_DOMAIN = "newstally.v1"
"""Of google.rpc.ErrorInfo."""
COME_AGAIN_SECONDS = 2.0
"""What a client is asked to wait when there are too many streams."""
STAY_AWAY_SECONDS = 5
"""What the client of an idle stream is asked to wait that made room for another one: longer, or it
would be back before that one."""


def to_error(status: Status) -> StatusError:
    """Return what the call is aborted with."""
    match status.reason:
        case Reason.PERSISTER | Reason.REJECTED if isinstance(status.error, StatusError):
            return status.error
        case Reason.INVALID:
            return invalid(status.field, status.message)
        case Reason.CROWDED | Reason.OVER_LIMIT:
            return wait(COME_AGAIN_SECONDS, _CROWDED[status.reason])
        case Reason.IDLE:
            return StatusError(
                grpc.StatusCode.UNAVAILABLE,
                "idle, resume when there is something to send",
                RetryInfo(retry_delay=Duration(seconds=STAY_AWAY_SECONDS)),
            )
        case Reason.GAP:
            return StatusError(
                grpc.StatusCode.OUT_OF_RANGE,
                status.message,
                ErrorInfo(
                    reason="OFFSET_GAP",
                    domain=ERROR_DOMAIN,
                    metadata={"next_offset": str(status.next_offset)},
                ),
            )
        case reason:
            code, message = _PLAIN[reason]
            return StatusError(code, status.message or message)


_CROWDED = {
    Reason.CROWDED: "too many open streams; see --memory-bytes",
    Reason.OVER_LIMIT: "this key has as many streams as it may have at once",
}
_PLAIN = {
    Reason.DRAINING: (grpc.StatusCode.UNAVAILABLE, "draining, resume elsewhere"),
    Reason.SILENT: (grpc.StatusCode.UNAVAILABLE, "no first message came"),
    Reason.WENT_BACKWARDS: (grpc.StatusCode.ABORTED, ""),
    Reason.FAULT: (grpc.StatusCode.INTERNAL, "a fault of the gateway"),
    Reason.PERSISTER: (grpc.StatusCode.INTERNAL, "a fault of the gateway"),
    Reason.NOT_ALLOWED: (grpc.StatusCode.PERMISSION_DENIED, ""),
    Reason.REJECTED: (grpc.StatusCode.UNAUTHENTICATED, ""),
}
