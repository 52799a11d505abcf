"""One commit: sent once, all of it applied or nothing of it."""

from typing import Any

from google.cloud.firestore_v1.async_batch import AsyncWriteBatch

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.writes import REQUEST_LIMIT_BYTES, size_bytes


class Commit(AsyncWriteBatch):
    """The client's batch, to which finished writes can be added."""

    def __len__(self) -> int:
        """Return how many writes it has."""
        return len(self._write_pbs)

    def add(self, more: list[Any]) -> None:
        """Add writes that are messages already."""
        self._add_write_pbs(more)

    async def send(self, seconds: float) -> None:
        """Send it once. After an error it may have been applied or not.

        Raises GoogleAPICallError, and SinkError for a size or an answer that cannot be right.
        """
        number = len(self)
        size = sum(map(size_bytes, self._write_pbs))
        if size > REQUEST_LIMIT_BYTES:
            raise PermanentSinkError(
                f"a commit of {number} writes takes {size} bytes, more than Firestore takes",
                "this is a defect of the persister: report it; nothing is lost",
            )
        # The client's own retry would send a commit again that was applied.
        results = await self.commit(retry=None, timeout=seconds)
        if len(results) != number:
            raise SinkError(f"{len(results)} results for {number} writes")
