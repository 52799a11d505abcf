"""Keeps the logs of publications small: knows how large they are, and closes them in time.

How large a log is, is known as an upper bound: what it was when it was read, and all that was sent
since, applied or not.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

from google.api_core.exceptions import InvalidArgument

from newstally_persister import failpoints
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries
from newstally_persister.sinks.firestore.compact.aside import aside
from newstally_persister.sinks.firestore.compact.closing import close
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits
from newstally_persister.sinks.firestore.compact.folds import (
    ATTEMPTS,
    DISTURBED,
    Folds,
    Send,
    refused,
)
from newstally_persister.sinks.firestore.compact.head import Head, read_head
from newstally_persister.sinks.firestore.compact.rows import size_of

LOGS_KNOWN = 10_000
"""Publications whose log's size is remembered."""
APPENDS_TRUSTED = 50
"""After so many appends a log is read again: another persister may have added to it, too."""
_CLOSED_FROM = 0.75
"""The part of a log's bytes from which on it is closed in the background."""


@dataclass(slots=True)
class _Known:
    size_bytes: int
    appends: int = 0


class Logs:
    """The logs of one database. For one event loop."""

    def __init__(self, send: Send, read_seconds: float, limits: FoldLimits = LIMITS) -> None:
        self._send = send
        self._read_seconds = read_seconds
        self._limits = limits
        self._commit_bytes = limits.commit_bytes
        self._folds = Folds(send, read_seconds, limits)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._full: set[str] = set()
        self._to_close: dict[str, None] = {}
        self._to_fold: dict[str, None] = {}
        self._late: set[str] = set()

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
                await locks.enter_async_context(self._lock(publication))
            await self._make_room(client, incoming)
            for publication, size in incoming.items():
                known = self._known.setdefault(publication, _Known(0))
                known.size_bytes += size
                known.appends += 1
                if known.size_bytes > _CLOSED_FROM * self._limits.log_bytes:
                    self._to_close[publication] = None
            yield

    async def _make_room(self, client: FirestoreClient, incoming: Mapping[str, int]) -> None:
        sizes = {}
        for publication, size in incoming.items():
            if publication in self._late:
                await self._fold(client, publication)
            sizes[publication] = await self._size(client, publication)
            if sizes[publication] + size > self._limits.log_bytes or publication in self._full:
                await self._close(client, publication)
                sizes[publication] = 0
        # In case that Firestore counts whole documents towards the limit of a commit.
        total = sum(sizes.values()) + sum(incoming.values())
        for publication in sorted(sizes, key=lambda each: -sizes[each]):
            if total <= self._limits.logs_bytes:
                break
            await self._close(client, publication)
            total -= sizes[publication]

    def forget(self, publications: Iterable[str]) -> None:
        """Read these logs again before more is added."""
        for publication in publications:
            self._known.pop(publication, None)

    def empty(self, publications: Iterable[str]) -> None:
        """Let these logs be closed before anything is added, whatever size they are known to have.

        Another persister may have filled them.
        """
        self._full.update(publications)

    def note(self, publication: str, head: Head) -> None:
        """Note what waits in a publication, from its head as it is stored."""
        if head.due:
            self._to_fold[publication] = None
        if head.late(self._limits.log_bytes):
            self._late.add(publication)

    @property
    def due(self) -> bool:
        """Whether a log should be closed, or a publication folded."""
        return bool(self._to_close or self._to_fold)

    async def tend(self, client: FirestoreClient) -> None:
        """Close and fold what is due; what fails is due again, after all the others."""
        while self.due:
            if self._to_close:
                publication = next(iter(self._to_close))
                async with self._lock(publication):
                    if publication in self._to_close:
                        await self._close_due(client, publication)
            else:
                await self._fold(client, next(iter(self._to_fold)), gently=True)

    async def _close_due(self, client: FirestoreClient, publication: str) -> None:
        del self._to_close[publication]
        try:
            await self._close(client, publication)
        except Exception:
            self._to_close[publication] = None
            raise

    async def fold(self, client: FirestoreClient, publication: str) -> None:
        """Move everything in a publication's log and segments to its leaves."""
        async with self._lock(publication):
            await self._close(client, publication)
        await self._folds.fold(client, publication, everything=True)

    def _lock(self, publication: str) -> asyncio.Lock:
        return self._locks.setdefault(publication, asyncio.Lock())

    async def _fold(
        self, client: FirestoreClient, publication: str, *, gently: bool = False
    ) -> None:
        self._to_fold.pop(publication, None)
        try:
            await self._folds.fold(client, publication, gently=gently)
        except Exception:
            self._to_fold[publication] = None
            raise
        self._late.discard(publication)

    async def _size(self, client: FirestoreClient, publication: str) -> int:
        known = self._known.get(publication)
        if known is None or known.appends >= APPENDS_TRUSTED:
            found = await client.read(queries.log_name(publication), self._read_seconds)
            known = self._known[publication] = _Known(0 if found is None else size_of(found))
            while len(self._known) > LOGS_KNOWN:
                self._known.popitem(last=False)
        self._known.move_to_end(publication)
        return known.size_bytes

    async def _close(self, client: FirestoreClient, publication: str) -> None:
        """Move all rows of a log into a segment."""
        self.forget([publication])
        disturbed = 0
        while True:
            try:
                head = await self._step(client, publication)
            except DISTURBED as error:
                disturbed += 1
                if disturbed == ATTEMPTS:
                    raise SinkError("others close the same log, too") from error
                continue
            if head is not None:
                break
        self._known[publication] = _Known(0)
        self._full.discard(publication)
        self._to_close.pop(publication, None)
        self.note(publication, head)

    async def _step(self, client: FirestoreClient, publication: str) -> Head | None:
        """Send one commit of a close. Return the head once the log is empty, None before."""
        names = [queries.log_name(publication), queries.head_name(publication)]
        found = await client.read_many(names, self._read_seconds)
        head = read_head(found.get(names[1]))
        if names[0] not in found:
            return head
        parent = f"{publication}/{queries.TALLIES}"
        while True:
            log = found[names[0]]
            closed = await aside(
                log.ByteSize(),
                partial(close, parent, head, log, self._limits, self._commit_bytes // 2),
            )
            if closed is None:
                return head
            failpoints.reach("before-closing")
            try:
                await self._send(client, closed.writes)
            except InvalidArgument as error:
                if closed.rows == 1:
                    raise refused("close a log", error) from error
                self._commit_bytes = min(self._commit_bytes // 2, closed.size_bytes)
                continue
            failpoints.reach("after-closing")
            return closed.head if closed.done else None
