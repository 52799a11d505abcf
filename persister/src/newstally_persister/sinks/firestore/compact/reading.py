"""Reads what a publication's log and leaves hold, as of one moment.

The log is read first. A fold that comes after it leaves its number in the leaves that it writes, so
a leaf with a later number than the log tells that both do not belong together: then it begins anew.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.keys import table_end
from newstally_persister.sinks.firestore.compact.rows import Tallied
from newstally_persister.sinks.questions.asked import UnansweredError

LIMIT_BYTES = 32 * 1024 * 1024
"""Of documents that one answer is made from."""
ATTEMPTS = 5
_TOO_MUCH = (
    f"this would read more than {LIMIT_BYTES // 1024**2} MiB of documents: name an entity, a longer"
    " beginning or fewer days, or use another sink for publications with so many entities"
)


class Reader:
    """Reads for one answer."""

    def __init__(
        self,
        client: FirestoreClient,
        seconds: float,
        count: Callable[[int], None] = lambda _: None,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        """`count` is told how many documents were read, and may raise."""
        self._client = client
        self._seconds = seconds
        self._count = count
        self._limit_bytes = limit_bytes
        self._bytes = 0

    async def between(self, publication: str, first: str, last: str) -> Tallied:
        """Return all rows from a key to another one of the same table, both included, at least.

        `publication` is the name of its document. Raises UnansweredError where that is too much.
        """
        for _ in range(ATTEMPTS):
            log = await self._client.read(queries.log_name(publication), self._seconds)
            self._count(1)
            leaves = await self._leaves(publication, first, last)
            folds = 0 if log is None else rows.number_of(log, "folds")
            if all(rows.number_of(leaf, "fold") <= folds for leaf in leaves):
                return await asyncio.to_thread(_tally, log, leaves)
        raise SinkError("the publication is folded again and again")

    async def _leaves(self, publication: str, first: str, last: str) -> list[Any]:
        found = await self._found(publication, first, last, None)
        end = table_end(first)
        if last != end:
            # What lies behind the last leaf that ends within is in the next one.
            known = {leaf.name for leaf in found}
            following = await self._found(publication, last, end, 1)
            found += [leaf for leaf in following if leaf.name not in known]
        return found

    async def _found(self, publication: str, first: str, last: str, limit: int | None) -> list[Any]:
        found = []
        query = queries.leaves(publication, first, last, limit)
        async with aclosing(self._client.found(publication, query, self._seconds)) as stream:
            async for leaf in stream:
                self._count(1)
                self._bytes += leaf.ByteSize()
                if self._bytes > self._limit_bytes:
                    raise UnansweredError(_TOO_MUCH)
                found.append(leaf)
        if not found:
            self._count(1)
        return found


def _tally(log: Any, leaves: list[Any]) -> Tallied:
    tallied = Tallied()
    for leaf in leaves:
        rows.add_leaf(tallied, leaf)
    if log is not None:
        # Later than what is in the leaves, so that its names are shown.
        rows.add_log(tallied, log)
    return tallied
