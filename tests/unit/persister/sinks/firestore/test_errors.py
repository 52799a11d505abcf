"""What an error of Firestore means."""

from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.errors import decide

TRANSIENT = [
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
]
REMEDIES = {
    grpc.StatusCode.UNAUTHENTICATED: "GOOGLE_APPLICATION_CREDENTIALS",
    grpc.StatusCode.PERMISSION_DENIED: "roles/datastore.user",
    grpc.StatusCode.NOT_FOUND: "--firestore-database",
    grpc.StatusCode.FAILED_PRECONDITION: "native mode",
    grpc.StatusCode.UNIMPLEMENTED: "FIRESTORE_EMULATOR_HOST",
    grpc.StatusCode.INVALID_ARGUMENT: "defect",
    grpc.StatusCode.OUT_OF_RANGE: "defect",
    grpc.StatusCode.DATA_LOSS: "defect",
}


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.value[0]])
def test_every_code_is_decided(code: grpc.StatusCode) -> None:
    """What passes is tried again in silence; the rest names what somebody has to do."""
    error = exceptions.from_grpc_status(code, "said so")  # type: ignore[no-untyped-call]
    decided = decide(error)
    assert code.name in str(decided)
    assert "said so" in str(decided)
    if code in TRANSIENT:
        assert not isinstance(decided, PermanentSinkError)
    else:
        assert isinstance(decided, PermanentSinkError)
        assert REMEDIES[code] in decided.remedy


@pytest.mark.parametrize("error", [DefaultCredentialsError, RefreshError])
def test_credentials_have_a_remedy(error: type[Exception]) -> None:
    """Missing or revoked: the remedy names the variable and the command."""
    decided = decide(error("revoked"))
    assert isinstance(decided, PermanentSinkError)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in decided.remedy


async def test_credentials_that_fail_while_running_have_one_too() -> None:
    """gRPC shows them as UNAVAILABLE, which would look like a network that comes back."""

    class Revoked(grpc.AuthMetadataPlugin):
        def __call__(self, context: object, callback: grpc.AuthMetadataPluginCallback) -> None:
            raise RefreshError("invalid_grant")  # type: ignore[no-untyped-call]

    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", grpc.local_server_credentials())
    await server.start()
    credentials = grpc.composite_channel_credentials(
        grpc.local_channel_credentials(), grpc.metadata_call_credentials(Revoked())
    )
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        call: Any = channel.unary_unary("/google.firestore.v1.Firestore/Commit")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", timeout=60)
    await server.stop(0)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    decided = decide(caught.value)
    assert isinstance(decided, PermanentSinkError)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in decided.remedy


def test_what_is_unknown_is_transient() -> None:
    """Nothing is given up because of an error that nobody thought of."""
    decided = decide(KeyError("odd"))
    assert type(decided) is SinkError
    assert "odd" not in str(decided), "it may hold what an article says"


def test_no_path_of_a_document_is_told() -> None:
    """Its id is an entity of an article; what stands before it is not."""
    path = "projects/p/databases/d/documents/publications/post/entities/odradek|P"
    for error in (exceptions.Aborted, exceptions.InvalidArgument):
        decided = decide(error(f"too much contention on {path}.\nOdradek again"))
        assert "too much contention on projects/p/databases/d/documents/…" in str(decided)
        assert "odradek" not in str(decided).lower()
