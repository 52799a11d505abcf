"""The client is made when needed, lent, and made anew; never closed under somebody's hands."""

from pathlib import Path

import pytest
from google.api_core.exceptions import (
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.firestore_v1.services.firestore import FirestoreAsyncClient
from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection, connect


class Recorded(FirestoreClient):
    """A client that notes when it is closed."""

    def __init__(self) -> None:
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        super().__init__(FirestoreAsyncClient(credentials=credentials), "projects/p/databases/d")
        self.closed = False

    async def close(self) -> None:
        await super().close()
        self.closed = True


async def make() -> FirestoreClient:
    return Recorded()


def closed(client: FirestoreClient) -> bool:
    assert isinstance(client, Recorded)
    return client.closed


async def test_one_client_is_shared() -> None:
    """Calls at the same time, and after each other, use the same channel."""
    connection = Connection(make)
    async with connection.use() as one, connection.use() as two:
        assert one is two
    async with connection.use() as three:
        assert three is one
    await connection.close()
    assert closed(one)


async def test_when_credentials_fail_the_next_user_gets_a_new_client() -> None:
    """With new credentials, perhaps; a call under way keeps its channel until it is done."""
    connection = Connection(make)
    async with connection.use() as old:
        with pytest.raises(PermanentSinkError):  # noqa: PT012 - the error is raised in its use
            async with connection.use() as same:
                assert same is old
                raise PermissionDenied("no")  # type: ignore[no-untyped-call]
        async with connection.use() as new:
            assert new is not old
        assert not closed(old)
    assert closed(old)
    assert not closed(new)
    await connection.close()
    assert closed(new)


@pytest.mark.parametrize("error", [ServiceUnavailable, FailedPrecondition, NotFound])
async def test_other_errors_keep_the_client(error: type[Exception]) -> None:
    """A channel reconnects by itself, and needs not do so when an index is missing."""
    connection = Connection(make)
    with pytest.raises(SinkError):
        async with connection.use() as one:
            raise error("down")
    async with connection.use() as two:
        assert one is two
    await connection.close()


async def test_what_fails_to_connect_is_tried_again() -> None:
    """No error is kept: the next call looks for credentials anew."""
    failures: list[Exception] = [DefaultCredentialsError("none")]  # type: ignore[no-untyped-call]

    async def connecting() -> FirestoreClient:
        if failures:
            raise failures.pop()
        return await make()

    connection = Connection(connecting)
    with pytest.raises(PermanentSinkError, match="no credentials"):
        async with connection.use():
            raise AssertionError("there is nothing to use")
    async with connection.use() as client:
        assert not closed(client)
    await connection.close()


async def test_missing_credentials_are_an_error_of_the_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing blocks and nothing fails before the first call."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(DefaultCredentialsError):
        await connect("p", "(default)")
