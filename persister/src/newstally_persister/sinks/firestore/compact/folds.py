"""Folds the segments of a publication into its leaves, a commit at a time; see `folding`."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)

from newstally_persister import failpoints
from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.aside import aside
from newstally_persister.sinks.firestore.compact.folding import (
    LIMITS,
    FoldLimits,
    Gathered,
    assign,
    fold_leaf,
)
from newstally_persister.sinks.firestore.compact.head import (
    Head,
    Piece,
    Table,
    head_write,
    read_head,
)
from newstally_persister.sinks.firestore.compact.keys import ALL, DAYS, table_end
from newstally_persister.sinks.firestore.errors import without_names
from newstally_persister.sinks.firestore.writes import Write

ATTEMPTS = 5
"""How often a commit is made up anew that others disturb."""
DISTURBED = (AlreadyExists, FailedPrecondition, NotFound, Aborted)
"""What Firestore answers where something else changed a document meanwhile."""
_LEAVES_AT_A_TIME = 8
_REFUSED_REMEDY = "deploy the indexes of firestore/: leaves need none of their own"

Send = Callable[[FirestoreClient, list[Any]], Awaitable[object]]
"""Sends one commit, once. Raises GoogleAPICallError, PartRefusedError, SinkError."""


class DisturbedError(Exception):
    """What was read does not belong together: something came in between."""


def refused(what: str, error: InvalidArgument) -> PermanentSinkError:
    """Return what it means that Firestore refuses the smallest commit that there can be."""
    return PermanentSinkError(
        f"Firestore refuses to {what}: {without_names(error.message)}", _REFUSED_REMEDY
    )


@dataclass(slots=True)
class _Step:
    """One commit, as it is made up."""

    upto: str = ""
    rows: int = 0
    leaves: int = 0
    writes: list[Any] = field(default_factory=list)
    size_bytes: int = 0
    after_bytes: int = 0


class Folds:
    """The folds of one database. For one event loop."""

    def __init__(self, send: Send, read_seconds: float, limits: FoldLimits = LIMITS) -> None:
        self._send = send
        self._read_seconds = read_seconds
        self._limits = limits
        self._commit_bytes = limits.commit_bytes
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def head(self, client: FirestoreClient, publication: str) -> Head:
        """Read the head of a publication."""
        name = queries.head_name(publication)
        return read_head(await client.read(name, self._read_seconds))

    async def fold(
        self,
        client: FirestoreClient,
        publication: str,
        *,
        everything: bool = False,
        gently: bool = False,
    ) -> None:
        """Fold what is due, or everything. `gently`: rest as long as it computes."""
        clock = asyncio.get_running_loop().time
        async with self._locks.setdefault(publication, asyncio.Lock()):
            for name in (ALL, DAYS):
                cache = _Pieces(client, publication, self._read_seconds, self._limits)
                disturbed = 0
                while True:
                    head = await self.head(client, publication)
                    table = head.tables[name]
                    if not (table.pieces if everything else table.due):
                        break
                    begun = clock()
                    try:
                        await self._step(client, publication, head, name, cache)
                    except (DisturbedError, *DISTURBED) as error:
                        disturbed += 1
                        if disturbed == ATTEMPTS:
                            raise SinkError("others fold the same publication, too") from error
                        continue
                    disturbed = 0
                    if gently:
                        await asyncio.sleep(clock() - begun)

    async def _step(
        self, client: FirestoreClient, publication: str, head: Head, name: str, cache: "_Pieces"
    ) -> None:
        """Send one commit that brings a table's fold on."""
        table = head.tables[name].begun()
        while True:
            step = await self._make(client, publication, table, head.number + 1, cache)
            parent = f"{publication}/{queries.TALLIES}"
            advanced, folded = table.advanced(step.upto, step.after_bytes)
            made = head_write(f"{parent}/{queries.HEAD}", head.with_table(name, advanced))
            deletes = [Write(delete=f"{parent}/{piece.id}") for piece in folded]
            failpoints.reach("before-folding")
            try:
                await self._send(client, [*step.writes, made, *deletes])
            except InvalidArgument as error:
                if step.rows == 1:
                    raise refused("fold a segment", error) from error
                self._commit_bytes = min(self._commit_bytes, step.size_bytes) // 2
                continue
            failpoints.reach("after-folding")
            return

    async def _make(
        self,
        client: FirestoreClient,
        publication: str,
        table: Table,
        number: int,
        cache: "_Pieces",
    ) -> _Step:
        """Make up as much of a fold as one commit takes."""
        step = _Step(table.upto)
        parent = f"{publication}/{queries.TALLIES}"
        waiting = [piece for piece in table.pieces[: table.folding] if piece.last > table.upto]
        while first := await cache.first_behind(waiting, step.upto):
            found = await self._leaves(client, publication, first)
            end = max(found) if found else table_end(first)
            gathered = Gathered(step.upto, end, self._commit_bytes // 2)
            for piece in waiting:
                if piece.last > step.upto and piece.first <= gathered.upto:
                    document = await cache.read(piece)
                    await aside(document.ByteSize(), partial(gathered.add, document))
            places = gathered.rows.keys()
            for leaf in assign(sorted(places), found):
                folded = await aside(
                    leaf.read_bytes + gathered.read_bytes,
                    partial(fold_leaf, parent, leaf, gathered.rows, places, number, self._limits),
                )
                size = folded.before_bytes + folded.after_bytes
                if step.leaves and step.size_bytes + size > self._commit_bytes:
                    return step
                step.upto = leaf.keys[-1]
                step.rows += len(leaf.keys)
                step.leaves += 1
                step.writes += folded.writes
                step.size_bytes += size
                step.after_bytes += folded.after_bytes
            if gathered.upto != end:
                # The last leaf is not complete: one write of it in a commit.
                return step
        return step

    async def _leaves(
        self, client: FirestoreClient, publication: str, first: str
    ) -> dict[str, Any]:
        """Return leaves from that of a key on, by end; {}: the table has none."""
        at_a_time = _LEAVES_AT_A_TIME if first.startswith(ALL) else 1
        query = queries.leaves(publication, first, table_end(first), at_a_time)
        found = {}
        stream = client.found(publication, query, self._read_seconds)
        async with aclosing(stream) as documents:
            async for document in documents:
                found[queries.end_of(document)] = document
        return found


class _Pieces:
    """The pieces that one fold reads; a few are kept. Nobody changes a piece."""

    def __init__(
        self, client: FirestoreClient, publication: str, seconds: float, limits: FoldLimits
    ) -> None:
        self._client = client
        self._publication = publication
        self._seconds = seconds
        self._limit = limits.pieces_bytes
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._size = 0

    async def read(self, piece: Piece) -> Any:
        """Return a piece's document. Raises DisturbedError where it is gone."""
        found = self._kept.get(piece.id)
        if found is None:
            name = f"{self._publication}/{queries.TALLIES}/{piece.id}"
            found = await self._client.read(name, self._seconds)
            if found is None:
                raise DisturbedError
            self._kept[piece.id] = found
            self._size += found.ByteSize()
            while self._size > self._limit and len(self._kept) > 1:
                self._size -= self._kept.popitem(last=False)[1].ByteSize()
        return found

    async def first_behind(self, pieces: Iterable[Piece], upto: str) -> str:
        """Return the lowest key behind another one; "" where there is none."""
        found = ""
        for piece in sorted(pieces, key=lambda each: each.first):
            if piece.last <= upto:
                continue
            if found and piece.first >= found:
                break
            first = piece.first
            if first <= upto:
                first = rows.key_behind(await self.read(piece), upto)
            found = min(found or first, first)
        return found
