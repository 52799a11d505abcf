"""What clients hear when their stream does not end with OK."""

import grpc
import pytest
from newstally_gateway.clients.statuses import to_error
from newstally_gateway.core.clients.statuses import Reason, Status
from newstally_runtime.status import StatusError


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_status(reason: Reason) -> None:
    """Never OK."""
    error = to_error(Status(reason, "what happened", "field"))
    assert error.code is not grpc.StatusCode.OK
    assert error.message


def test_what_the_persister_says_is_passed_on() -> None:
    """Details included."""
    error = StatusError(grpc.StatusCode.NOT_FOUND, "no such upload")
    assert to_error(Status(Reason.PERSISTER, error=error)) is error
