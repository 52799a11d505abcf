"""Deadlines that grow while a test waits: short on a quick machine, long enough on a busy one."""

import time
from collections.abc import Callable
from typing import Any

from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection, connect

_TWICE_SECONDS = 5.0
"""After so many a deadline is twice as long, after twice as many three times, and so on."""


class Patience:
    """Begins when it is made. For clients, one after the other, of one test."""

    def __init__(self, least: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """`least`: what deadlines are multiplied by from the beginning on."""
        self._least = least
        self._clock = clock
        self._begun = clock()

    def stretch(self, client: FirestoreClient) -> FirestoreClient:
        """Let the deadlines of a client's calls grow."""
        client._api = _Stretched(client._api, self._factor)  # type: ignore[assignment]
        return client

    def _factor(self) -> float:
        return self._least + (self._clock() - self._begun) / _TWICE_SECONDS


def unhurried(project: str) -> Connection:
    """Return a connection for tests without faults: no call of its client fails by its deadline."""

    async def made() -> FirestoreClient:
        return Patience(least=100.0).stretch(await connect(project, "(default)"))

    return Connection(made)


class _Stretched:
    """Google's client; its calls may take longer."""

    def __init__(self, api: Any, factor: Callable[[], float]) -> None:
        self._api = api
        self._factor = factor

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._api, name)
        if name == "transport":
            return found

        async def call(*args: Any, timeout: float, **named: Any) -> Any:  # noqa: ASYNC109 - Google's
            return await found(*args, timeout=timeout * self._factor(), **named)

        return call
