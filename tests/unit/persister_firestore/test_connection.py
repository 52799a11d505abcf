"""The client is made when needed, lent, and made anew; never closed under somebody's hands."""

from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from newstally_persister.sinks.firestore.connection import Connection, FirestoreClient, connect


class Recorded(FirestoreClient):
    """A client that notes when it is closed."""

    def __init__(self) -> None:
        super().__init__(project="p", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
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


async def test_a_renewed_client_is_closed_by_its_last_user() -> None:
    """A call under way keeps its channel; the next one gets a new client."""
    connection = Connection(make)
    async with connection.use() as old:
        async with connection.use() as same:
            connection.renew(same)
            async with connection.use() as new:
                assert new is not old
                connection.renew(old)  # late: it must not throw the new one away
        assert not closed(old)
        async with connection.use() as still:
            assert still is new
    assert closed(old)
    assert not closed(new)
    await connection.close()


async def test_what_fails_to_connect_is_tried_again() -> None:
    """No error is kept: the next call looks for credentials anew."""
    failures: list[Exception] = [DefaultCredentialsError("none")]  # type: ignore[no-untyped-call]

    async def connecting() -> FirestoreClient:
        if failures:
            raise failures.pop()
        return await make()

    connection = Connection(connecting)
    with pytest.raises(DefaultCredentialsError):
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
