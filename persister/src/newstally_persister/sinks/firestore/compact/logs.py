"""Keeps the logs of publications small: knows how large they are, and folds them in time.

How large a log is, is known as an upper bound: what it was when it was read, and all that was sent
since, applied or not.
"""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.folding import (
    LIMITS,
    FoldLimits,
    Leaf,
    assign,
    fold_leaf,
    log_write,
    within,
    without,
)
from newstally_persister.sinks.firestore.compact.keys import ALL, DAYS, table_end
from newstally_persister.sinks.firestore.compact.rows import Place, Tallied, size_of
from newstally_persister.sinks.firestore.errors import without_names

LOGS_KNOWN = 10_000
"""Publications whose log's size is remembered."""
APPENDS_TRUSTED = 50
"""After so many appends a log is read again: another persister may have added to it, too."""
FOLD_ATTEMPTS = 5
"""How often a fold is tried that others disturb."""
_LEAVES_AT_A_TIME = 8
_REFUSED_REMEDY = "deploy the indexes of firestore/: leaves need none of their own"

Send = Callable[[FirestoreClient, list[Any]], Awaitable[object]]
"""Sends one commit, once. Raises GoogleAPICallError, PartRefusedError, SinkError."""


@dataclass(slots=True)
class _Known:
    size_bytes: int
    appends: int = 0


@dataclass(slots=True)
class Fold:
    """One commit of a fold, as it is made up."""

    leaves: list[Leaf] = field(default_factory=list)
    writes: list[Any] = field(default_factory=list)
    size_bytes: int = 0


class Logs:
    """The logs of one database. For one event loop."""

    def __init__(self, send: Send, read_seconds: float, limits: FoldLimits = LIMITS) -> None:
        self._send = send
        self._read_seconds = read_seconds
        self._limits = limits
        self._fold_bytes = limits.commit_bytes
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._to_fold: set[str] = set()

    @asynccontextmanager
    async def room(
        self, client: FirestoreClient, incoming: Mapping[str, int]
    ) -> AsyncIterator[None]:
        """Have room for so many bytes in the logs of these publications, by document's name.

        While it is held nobody else of this process adds to them. The bytes count as added.
        """
        async with AsyncExitStack() as locks:
            # In one order, so that nobody waits for somebody who waits for them.
            for publication in sorted(incoming):
                lock = self._locks.setdefault(publication, asyncio.Lock())
                await locks.enter_async_context(lock)
            await self._make_room(client, incoming)
            for publication, size in incoming.items():
                known = self._known.setdefault(publication, _Known(0))
                known.size_bytes += size
                known.appends += 1
            yield

    async def _make_room(self, client: FirestoreClient, incoming: Mapping[str, int]) -> None:
        sizes = {}
        for publication, size in incoming.items():
            sizes[publication] = await self._size(client, publication)
            if sizes[publication] + size > self._limits.log_bytes or publication in self._to_fold:
                await self._fold(client, publication)
                sizes[publication] = 0
        # In case that Firestore counts whole documents towards the limit of a commit.
        total = sum(sizes.values()) + sum(incoming.values())
        for publication in sorted(sizes, key=lambda each: -sizes[each]):
            if total <= self._limits.logs_bytes:
                break
            await self._fold(client, publication)
            total -= sizes[publication]

    def forget(self, publications: Iterable[str]) -> None:
        """Read these logs again before more is added."""
        for publication in publications:
            self._known.pop(publication, None)

    def empty(self, publications: Iterable[str]) -> None:
        """Let these logs be folded before anything is added, whatever size they are known to have.

        Another persister may have filled them.
        """
        self._to_fold.update(publications)

    async def fold(self, client: FirestoreClient, publication: str) -> None:
        """Move everything in a publication's log to its leaves."""
        async with self._locks.setdefault(publication, asyncio.Lock()):
            await self._fold(client, publication)

    async def _fold(self, client: FirestoreClient, publication: str) -> None:
        self.forget([publication])
        disturbed = 0
        while not await self._step(client, publication):
            disturbed += 1
            if disturbed == FOLD_ATTEMPTS:
                raise SinkError("others fold the same log, too")
        self._known[publication] = _Known(0)
        self._to_fold.discard(publication)

    async def _size(self, client: FirestoreClient, publication: str) -> int:
        known = self._known.get(publication)
        if known is None or known.appends >= APPENDS_TRUSTED:
            found = await client.read(queries.log_name(publication), self._read_seconds)
            known = self._known[publication] = _Known(0 if found is None else size_of(found))
            while len(self._known) > LOGS_KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(publication)
        return known.size_bytes

    async def _step(self, client: FirestoreClient, publication: str) -> bool:
        """Fold all that is there; return False where something else changed it meanwhile."""
        while True:
            found = await client.read(queries.log_name(publication), self._read_seconds)
            if found is None:
                return True
            log = Tallied()
            rows.add_log(log, found)
            places = log.keys()
            if not places:
                return True
            number = rows.number_of(found, "folds") + 1
            fold = await self._choose(client, publication, log, places, number)
            left = without(log, places, fold.leaves)
            name = queries.log_name(publication)
            fold.writes.append(log_write(name, found, left, number))
            try:
                await self._send(client, fold.writes)
            except (AlreadyExists, FailedPrecondition, NotFound, Aborted):
                return False
            except InvalidArgument as error:
                if sum(len(leaf.keys) for leaf in fold.leaves) == 1:
                    raise PermanentSinkError(
                        f"Firestore refuses to fold a log: {without_names(error.message)}",
                        _REFUSED_REMEDY,
                    ) from error
                self._fold_bytes = min(self._fold_bytes, fold.size_bytes) // 2
                continue
            if not (left.totals or left.days):
                return True

    async def _choose(
        self,
        client: FirestoreClient,
        publication: str,
        log: Tallied,
        places: Mapping[str, Place],
        number: int,
    ) -> Fold:
        """Return as much of a fold as one commit takes."""
        fold = Fold()
        parent = queries.log_name(publication).rpartition("/")[0]
        for table in (ALL, DAYS):
            keys = sorted(key for key in places if key.startswith(table))
            while keys:
                found = await self._leaves(client, publication, keys)
                covered = bisect_right(keys, max(found)) if found else len(keys)
                for leaf in assign(keys[:covered], found):
                    some = within(leaf, log, places, self._fold_bytes // 2)
                    # In a thread: thousands of rows are read and written.
                    folded = await asyncio.to_thread(
                        fold_leaf, parent, some, log, places, number, self._limits
                    )
                    if fold.leaves and fold.size_bytes + folded.size_bytes > self._fold_bytes:
                        return fold
                    fold.leaves.append(some)
                    fold.writes += folded.writes
                    fold.size_bytes += folded.size_bytes
                    if len(some.keys) < len(leaf.keys):
                        # The leaf is cut: what is left of it belongs to others from then on.
                        return fold
                keys = keys[covered:]
        return fold

    async def _leaves(
        self, client: FirestoreClient, publication: str, keys: list[str]
    ) -> dict[str, Any]:
        """Return leaves from that of the first key on, by end; {}: the table has none."""
        at_a_time = _LEAVES_AT_A_TIME if keys[0].startswith(ALL) else 1
        query = queries.leaves(publication, keys[0], table_end(keys[0]), at_a_time)
        found = {}
        stream = client.found(publication, query, self._read_seconds)
        async with aclosing(stream) as documents:
            async for document in documents:
                found[queries.end_of(document)] = document
        return found
