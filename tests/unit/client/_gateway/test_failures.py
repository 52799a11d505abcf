"""What a gRPC status means to the client."""

import grpc
import pytest
from newstally import (
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
from newstally._gateway.failures import translate
from newstally_runtime import status

EXPECTED = {
    "UNAVAILABLE": GatewayUnavailable,
    "ABORTED": GatewayUnavailable,
    "DEADLINE_EXCEEDED": GatewayUnavailable,
    "INTERNAL": GatewayUnavailable,
    "UNKNOWN": GatewayUnavailable,
    "CANCELLED": GatewayUnavailable,
    "INVALID_ARGUMENT": InvalidRequest,
    "OUT_OF_RANGE": InvalidRequest,
    "FAILED_PRECONDITION": InvalidRequest,
    "NOT_FOUND": NotFound,
    "PERMISSION_DENIED": AccessDenied,
    "UNAUTHENTICATED": AccessDenied,
    "ALREADY_EXISTS": UploadIdTaken,
    "RESOURCE_EXHAUSTED": MessageTooLarge,
    "UNIMPLEMENTED": Unanswered,
    "DATA_LOSS": UnexpectedStatus,
}


def failure(
    code: grpc.StatusCode, *metadata: tuple[str, bytes], details: str = "why"
) -> grpc.aio.AioRpcError:
    none = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, none, grpc.aio.Metadata(*metadata), details)


def retry_info(seconds: float) -> tuple[str, bytes]:
    return ("grpc-status-details-bin", status.wait(seconds, "w").to_status().SerializeToString())


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c is not grpc.StatusCode.OK])
def test_each_status_is_decided(code: grpc.StatusCode) -> None:
    """Every status code becomes one exception; it keeps the gateway's words and the code."""
    error: NewstallyError = translate(failure(code))
    assert type(error) is EXPECTED[code.name]
    assert str(error) == f"why ({code.name})"


def test_exhausted_with_retry_info_is_to_be_waited_for() -> None:
    """RetryInfo makes the difference between "wait" and "never"."""
    error = translate(failure(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_info(1.5)))
    assert isinstance(error, GatewayBusy)
    assert error.retry_after_seconds == 1.5


def test_retry_info_does_not_make_a_wrong_request_right() -> None:
    """Permanent codes stay permanent whatever their details say."""
    error = translate(failure(grpc.StatusCode.INVALID_ARGUMENT, retry_info(1)))
    assert isinstance(error, PermanentError)


def test_unreadable_details_are_no_details() -> None:
    """Trailing metadata that is no google.rpc.Status changes nothing."""
    garbage = ("grpc-status-details-bin", b"\xff\xff\xff")
    error = translate(failure(grpc.StatusCode.UNAVAILABLE, garbage))
    assert type(error) is GatewayUnavailable


def test_what_grpc_says_of_a_connection_is_told_in_plain_words() -> None:
    """Its own text has addresses and file names; the code stays, for programs."""
    details = "failed to connect to all addresses; last error: UNKNOWN: Connection refused"
    error = translate(failure(grpc.StatusCode.UNAVAILABLE, details=details))
    assert str(error) == "nothing listens there (UNAVAILABLE)"
