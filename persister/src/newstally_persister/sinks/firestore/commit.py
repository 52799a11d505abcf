"""One commit: sent once, all of it applied or nothing of it."""

from collections.abc import Iterable
from typing import Any

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.writes import REQUEST_LIMIT_BYTES, size_bytes


class Commit:
    """Writes that are applied together."""

    def __init__(self, client: FirestoreClient, writes: Iterable[Any]) -> None:
        self._client = client
        self.writes = list(writes)

    def __len__(self) -> int:
        """Return how many writes it has."""
        return len(self.writes)

    async def send(self, seconds: float) -> None:
        """Send it once. After an error it may have been applied or not.

        Raises GoogleAPICallError, and SinkError for a size or an answer that cannot be right.
        """
        size = sum(map(size_bytes, self.writes))
        if size > REQUEST_LIMIT_BYTES:
            raise PermanentSinkError(
                f"a commit of {len(self)} writes takes {size} bytes, more than Firestore takes",
                "this is a defect of the persister: report it; nothing is lost",
            )
        results = await self._client.commit(self.writes, seconds)
        if results != len(self):
            raise SinkError(f"{results} results for {len(self)} writes")
