"""The client: made when it is first needed, and anew when its credentials do not work."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import google.auth

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import (
    SCOPES,
    FirestoreClient,
    of_emulator,
    with_credentials,
)
from newstally_persister.sinks.firestore.errors import CredentialsError, decide
from newstally_persister.sinks.firestore.turns import Turns

EMULATED_PROJECT = "google-cloud-firestore-emulator"
"""Where an emulator's documents are when nobody names a project: as in Google's client."""


async def connect(project: str | None, database: str) -> FirestoreClient:
    """Make a client as Google's libraries do: the emulator, or the default credentials.

    Raises google.auth.exceptions.GoogleAuthError and PermanentSinkError. Connects to nothing yet.
    """
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
    if emulator:
        project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or EMULATED_PROJECT
        return of_emulator(emulator, f"projects/{project}/databases/{database}")
    # In a thread: it reads files, and may ask the machine's metadata server.
    credentials, found = await asyncio.to_thread(google.auth.default, SCOPES)
    project = project or found
    if project is None:
        raise PermanentSinkError(
            "no project", "set --firestore-project or GOOGLE_CLOUD_PROJECT to the project's id"
        )
    return with_credentials(credentials, f"projects/{project}/databases/{database}")


@dataclass(slots=True, eq=False)
class _Held:
    client: FirestoreClient
    users: int = 0
    checked: bool = False


class Connection:
    """One client at a time, used by many calls. For one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[FirestoreClient]]) -> None:
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._current: _Held | None = None
        self.turns = Turns()
        """Of answers that are read as a whole."""
        self.check: Callable[[FirestoreClient], Awaitable[None]] = _anything
        """Raises where the database is not to be used: asked of each client until it passes."""

    @asynccontextmanager
    async def use(self) -> AsyncIterator[FirestoreClient]:
        """Lend the client; it is not closed before the last user is done.

        Every error that comes out is a SinkError. After one that is about credentials the next
        user gets a new client, made with what was mended meanwhile.
        """
        try:
            async with self._held() as held:
                try:
                    if not held.checked:
                        # Not in turns: while Firestore does not answer, nobody waits for others.
                        await self.check(held.client)
                        held.checked = True
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


async def _anything(client: FirestoreClient) -> None:
    del client
