"""The client, for what somebody asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection

log = structlog.get_logger()


class Answering:
    """Lends the client. What somebody must mend, a missing index say, is logged when it is new.

    Flushes need no index, so nothing else would show it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shown: str | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[FirestoreClient]:
        """See Connection.use."""
        try:
            async with self._connection.use() as client:
                yield client
        except PermanentSinkError as error:
            if str(error) != self._shown:
                self._shown = str(error)
                log.error(  # noqa: TRY400 - no traceback wanted
                    "tallies cannot be read", error=str(error), remedy=error.remedy
                )
            raise
        else:
            self._shown = None
