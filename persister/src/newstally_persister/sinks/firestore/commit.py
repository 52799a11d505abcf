"""One commit: sent once, all of it applied or nothing of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from newstally_persister.sinks.base import PartRefusedError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.sizes import COMMIT_LIMIT_BYTES
from newstally_persister.sinks.firestore.writes import size_bytes


class Commit:
    """Writes that are applied together."""

    def __init__(self, client: FirestoreClient, writes: Iterable[Any]) -> None:
        self._client = client
        self.writes = list(writes)

    def __len__(self) -> int:
        """Return how many writes it has."""
        return len(self.writes)

    async def send(self, seconds: float) -> Sequence[Any]:
        """Send it once; return what became of each write.

        After an error it may have been applied or not.

        Raises GoogleAPICallError, PartRefusedError for its size, and SinkError for an answer that
        cannot be right.
        """
        size = sum(map(size_bytes, self.writes))
        if size > COMMIT_LIMIT_BYTES:
            raise PartRefusedError(
                f"{len(self)} writes of {size} bytes in all are more than Firestore takes"
            )
        results = await self._client.commit(self.writes, seconds)
        if len(results) != len(self):
            raise SinkError(f"{len(results)} results for {len(self)} writes")
        return results
