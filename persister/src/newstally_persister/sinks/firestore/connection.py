"""The client: made when it is first needed, and anew when its credentials do not work."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import google.auth
from google.cloud.firestore import AsyncClient

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.errors import CredentialsError, decide


class FirestoreClient(AsyncClient):
    """Google's client, which does not know how to close its channel."""

    @property
    def database(self) -> str:
        """The database's name."""
        return str(self._database)

    async def close(self) -> None:
        """Close the channel, if there is one; calls under way are cut."""
        if self._firestore_api_internal is not None:
            await self._firestore_api_internal.transport.close()


async def connect(project: str | None, database: str) -> FirestoreClient:
    """Make a client as Google's libraries do: the emulator, or the default credentials.

    Raises google.auth.exceptions.GoogleAuthError and PermanentSinkError. Connects to nothing yet.
    """
    if os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return FirestoreClient(project=project, database=database)
    # In a thread: it reads files, and may ask the machine's metadata server.
    credentials, found = await asyncio.to_thread(google.auth.default, FirestoreClient.SCOPE)
    if project is None and found is None:
        raise PermanentSinkError(
            "no project", "set --firestore-project or GOOGLE_CLOUD_PROJECT to the project's id"
        )
    return FirestoreClient(project=project or found, credentials=credentials, database=database)


@dataclass(slots=True, eq=False)
class _Held:
    client: FirestoreClient
    users: int = 0


class Connection:
    """One client at a time, used by many calls. For one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[FirestoreClient]]) -> None:
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._current: _Held | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[FirestoreClient]:
        """Lend the client; it is not closed before the last user is done.

        Every error that comes out is a SinkError. After one that is about credentials the next
        user gets a new client, made with what was mended meanwhile.
        """
        try:
            async with self._held() as held:
                try:
                    yield held.client
                except Exception as error:
                    if isinstance(decide(error), CredentialsError) and held is self._current:
                        self._current = None
                    raise
        except SinkError:
            raise
        except Exception as error:
            raise decide(error) from error

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[_Held]:
        async with self._connecting:
            if self._current is None:
                self._current = _Held(await self._connect())
            held = self._current
        held.users += 1
        try:
            yield held
        finally:
            held.users -= 1
            if held is not self._current and held.users == 0:
                await held.client.close()

    async def close(self) -> None:
        """Close the client, once nobody uses it any more."""
        held, self._current = self._current, None
        if held is not None and held.users == 0:
            await held.client.close()
