"""What the compact layout of Firestore costs: the real sink, on a database in memory."""

import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables.flushes import cut as cut_flush
from newstally_persister.journal.tables.flushes import expirable, forget, part_done, plan_part
from newstally_persister.metrics import Metrics
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.folding import LIMITS, cut
from newstally_persister.sinks.firestore.compact.head import (
    VERSION,
    Head,
    Table,
    head_write,
    read_head,
)
from newstally_persister.sinks.firestore.compact.keys import ALL, DAYS, LAST
from newstally_persister.sinks.firestore.compact.listing.layout import ListedLayout
from newstally_persister.sinks.firestore.compact.queries import HEAD, LOG, TALLIES, head_name
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.layout import Layout
from newstally_persister.sinks.firestore.sink import FirestoreSink, Send
from newstally_persister.sinks.firestore.writes import publication_name
from newstally_persister.values.keys import publication_key
from prometheus_client import CollectorRegistry
from support.firestore_memory import Document, MemoryFirestore

STORED = 200_000
"""Entities that each publication of the synthetic store has already."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What some articles cost."""

    writes: float
    reads: float
    bytes_written: float
    bytes_read: float
    seconds: float
    """Processor time of the sink and of the database in memory."""
    listing: float = 0.0
    """Processor time of lists, likewise."""

    def plus(self, other: "Spent", share: float = 1.0) -> "Spent":
        """Add a share of another one."""
        return self._with(other, lambda own, others: own + share * others)

    def minus(self, other: "Spent") -> "Spent":
        """Take another one away."""
        return self._with(other, lambda own, others: own - others)

    def _with(self, other: "Spent", combine: Callable[[float, float], float]) -> "Spent":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Spent(*(combine(*pair) for pair in pairs))


class Untended(ListedLayout):
    """Logs are closed, and segments folded, when it is said: so that what it takes is counted."""

    @property
    def due(self) -> bool:
        """Nothing is due by itself."""
        return False


class Spending:
    """A sink with the compact layout on a database in memory, and what it spends."""

    def __init__(self, memory: MemoryFirestore, part_writes: int) -> None:
        self._memory = memory
        self._client = cast("FirestoreClient", memory)
        self._layout: Untended | None = None
        self._sink = FirestoreSink(
            Connection(self._connect),
            7,
            Metrics(CollectorRegistry()),
            part_writes=part_writes,
            layout=self._make_layout,
        )
        self._seconds = self._listing = 0.0

    async def _connect(self) -> FirestoreClient:
        return self._client

    def _make_layout(self, send: Send, read_seconds: float) -> Layout:
        # Lists are written after each flush: flushes are as far apart as lists at least are.
        self._layout = Untended(send, read_seconds, every_seconds=0.0, rest=0.0)
        return self._layout

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        memory = self._memory
        sums = memory.writes, memory.reads, memory.bytes_written, memory.bytes_read
        return Spent(*sums, self._seconds, self._listing)

    async def flush(self, journal: JournalStore) -> None:
        """Apply all that a journal has."""
        assert self._layout is not None
        number = journal.run(cut_flush)
        while number is not None:
            part = journal.run(plan_part, number, self._sink.part_limits)
            if part is None:
                break
            begun = time.process_time()
            await self._sink.apply(part)
            await self._layout.logs.tend(self._client)
            self._seconds += time.process_time() - begun
            journal.run(part_done, number, part.number)
        while (expiry := journal.run(expirable, 1_000)) is not None:
            await self._sink.expire(expiry)
            journal.run(forget, expiry)
        begun = time.process_time()
        await self._layout.keeper.round(self._client)
        self._listing += time.process_time() - begun

    async def rest(self) -> Spent:
        """Close and fold all that waits; return what of that is to be counted.

        A log waits until it is closed, and a segment until it is folded, with others: each counts
        with the share that it has of what that begins with.
        """
        assert self._layout is not None
        counted = Spent(0, 0, 0, 0, 0.0)
        for name in [name for name in self._memory.stored if name.endswith(f"/{TALLIES}/{LOG}")]:
            publication = name.removesuffix(f"/{TALLIES}/{LOG}")
            log_bytes = rows.size_of(self._memory.document(name))
            head = read_head(self._memory.document(head_name(publication)))
            waiting = log_bytes + sum(t.waiting_bytes for t in head.tables.values())
            begins_with = max(log_bytes, *(t.touched // 4 for t in head.tables.values()))
            before, begun = self.spent, time.process_time()
            await self._layout.logs.fold(self._client, publication)
            self._seconds += time.process_time() - begun
            counted = counted.plus(self.spent.minus(before), min(1.0, waiting / begins_with))
        await self._sink.close()
        return counted


async def spend(
    record: Callable[[JournalStore, int, int], None],
    articles: int,
    window: int,
    part_writes: int,
    memory: MemoryFirestore,
) -> tuple[Spent, Spent]:
    """Record articles, flush every `window` of them; return what that costs.

    Twice: with what waits at the end counted by its share, and with all of it folded.
    """
    spending = Spending(memory, part_writes)
    journal = JournalStore(sqlite3.connect(":memory:"))
    for begin in range(0, articles, window):
        record(journal, begin, min(begin + window, articles))
        await spending.flush(journal)
    flushed = spending.spent
    rest = await spending.rest()
    return flushed.plus(rest), spending.spent


def stored(publications: Sequence[str], entities: int = STORED) -> MemoryFirestore:
    """Return a database in which each publication has so many entities."""
    memory = MemoryFirestore(measuring=False)
    leaves = [(end, some.SerializeToString()) for end, some in _leaves(entities)]
    root = f"{memory.documents}/newstally/compact"
    begun = Document()
    begun.fields["version"].integer_value = VERSION
    memory.stored[root] = begun.SerializeToString()
    # As if the last fold had touched every leaf, as folds of so many entities do.
    touched = sum(rows.size_of(Document.FromString(some)) for _, some in leaves)
    head = Head(1, 0, {ALL: Table(touched=touched), DAYS: Table()})
    for key in {publication_key(each) for each in publications}:
        parent = f"{publication_name(root, key)}/{TALLIES}"
        memory.stored[f"{parent}/{HEAD}"] = head_write("", head).update.SerializeToString()
        for end, some in leaves:
            memory.stored[f"{parent}/{end}"] = some
    return memory


def _leaves(entities: int) -> Iterator[tuple[str, Any]]:
    """Give leaves with made-up entities, as they are after cutting, by their ends."""
    draw = random.Random(1)
    held = rows.Tallied()
    for number in range(entities):
        first, second, third = draw.choices(_SYLLABLES, k=3)
        text = f"{first}{second} {number:x}{third}"
        mentions = int(draw.paretovariate(1))
        held.add(
            rows.Entity(text, draw.choice(("PERSON", "ORG", "GPE"))),
            (mentions, 1, 0, 0),
            text.title(),
        )
    places = held.keys()
    pieces = list(cut({key: held.row_bytes(places[key]) for key in sorted(places)}, LIMITS))
    for keys in pieces:
        document = Document()
        rows.fill_leaf(document.fields, held, keys, places)
        yield (f"{ALL}{LAST}" if keys is pieces[-1] else keys[-1]), document


_SYLLABLES = [a + b + c for a in "bdklmnprst" for b in "aeiou" for c in ("n", "r", "s", "")]


def run(*args: Any) -> tuple[Spent, Spent]:
    """See `spend`."""
    return asyncio.run(spend(*args))
