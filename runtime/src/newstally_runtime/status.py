"""gRPC errors with the details the protocol promises."""

from typing import NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from grpc_status import rpc_status


class StatusError(Exception):
    """A decided failure of a call: raise it anywhere below a handler, `abort` it there."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    def to_status(self) -> status_pb2.Status:
        """Return it as google.rpc.Status, the details packed."""
        status = status_pb2.Status(code=code_pb2.Code.Value(self.code.name), message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return status


def invalid(field: str, message: str) -> StatusError:
    """Return INVALID_ARGUMENT with a BadRequest that names the field."""
    violation = BadRequest.FieldViolation(field=field, description=message)
    return StatusError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{field}: {message}",
        BadRequest(field_violations=[violation]),
    )


def wait(seconds: float, message: str) -> StatusError:
    """Return RESOURCE_EXHAUSTED with RetryInfo: come back after `seconds`."""
    delay = Duration()
    delay.FromMilliseconds(int(seconds * 1000))
    return StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, RetryInfo(retry_delay=delay))


async def abort(context: grpc.aio.ServicerContext[object, object], error: StatusError) -> NoReturn:
    """End the call with the error, its details included."""
    status = rpc_status.to_status(error.to_status())
    await context.abort(
        status.code, status.details, tuple((k, v) for k, v in status.trailing_metadata)
    )
