"""Reads what a publication's log, segments and leaves hold, as of one moment.

The head and the log first, then pieces, then leaves. The head knows the number of the last close,
which the log must have, and the pieces, which must be there; and a later fold leaves a later number
in the leaves that it writes. Where something does not belong together, it begins anew.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.aside import aside
from newstally_persister.sinks.firestore.compact.head import read_head
from newstally_persister.sinks.firestore.compact.keys import LAST, table_end
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
        self.parts = 0
        """How many parts the log had that the last answer was made from."""

    async def between(self, publication: str, first: str, last: str) -> Tallied:
        """Return all rows from a key to another one of the same table, both included, at least.

        `publication` is the name of its document. Raises UnansweredError where that is too much.
        """
        table = first.partition("~")[0] + "~"
        for _ in range(ATTEMPTS):
            names = [queries.head_name(publication), queries.log_name(publication)]
            found = await self._client.read_many(names, self._seconds)
            self._note(2, found.values())
            head, log = read_head(found.get(names[0])), found.get(names[1])
            waiting = head.tables[table].between(first, last)
            pieces = await self._pieces(publication, [piece.id for piece, _ in waiting])
            leaves = await self._leaves(publication, first, last, table_end(first))
            closed = 0 if log is None else rows.number_of(log, "closed")
            if (
                closed == head.closed
                and len(pieces) == len(waiting)
                and all(rows.number_of(leaf, "fold") <= head.number for leaf in leaves)
            ):
                self.parts = 0 if log is None else rows.number_of(log, "parts")
                folded = [upto for _, upto in waiting]
                both = list(zip(pieces, folded, strict=True))
                return await aside(self._bytes, partial(_tally, log, both, leaves))
            # It is not held any more. Others that read meanwhile hold what they have.
            self._bytes -= _size([*found.values(), *pieces, *leaves])
        raise SinkError("the publication is folded again and again")

    async def _pieces(self, publication: str, ids: Sequence[str]) -> list[Any]:
        """Return those of these pieces that are there."""
        if not ids:
            return []
        names = [f"{publication}/{queries.TALLIES}/{each}" for each in ids]
        found = await self._client.read_many(names, self._seconds)
        self._note(len(names), found.values())
        return [found[name] for name in names if name in found]

    def _note(self, reads: int, documents: Iterable[Any]) -> None:
        self._count(reads)
        self._bytes += _size(documents)
        if self._bytes > self._limit_bytes:
            raise UnansweredError(_TOO_MUCH)

    async def _leaves(self, publication: str, first: str, last: str, end: str) -> list[Any]:
        found = await self._found(publication, first, last, None)
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
                self._note(1, [leaf])
                found.append(leaf)
        if not found:
            self._count(1)
        return found


def _size(documents: Iterable[Any]) -> int:
    return sum(document.ByteSize() for document in documents)


def _tally(log: Any, pieces: Iterable[tuple[Any, str]], leaves: Iterable[Any]) -> Tallied:
    tallied = Tallied()
    for leaf in leaves:
        rows.add_leaf(tallied, leaf)
    # Later than what is in the leaves, so that its names are shown.
    for piece, folded in pieces:
        rows.add_leaf(tallied, piece, rows.places(piece, folded, LAST) if folded else slice(None))
    if log is not None:
        rows.add_log(tallied, log)
    return tallied
