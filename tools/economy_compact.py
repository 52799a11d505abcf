"""What the compact layout of Firestore costs: the real sink, on a database in memory."""

import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
from newstally_persister.sinks.firestore.compact.keys import ALL, LAST
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.compact.queries import LOG, TALLIES
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

    writes: int
    reads: int
    bytes_written: int
    bytes_read: int
    seconds: float
    """Processor time of the sink and of the database in memory."""


async def spend(
    record: Callable[[JournalStore, int, int], None],
    articles: int,
    window: int,
    part_writes: int,
    memory: MemoryFirestore,
) -> Spent:
    """Record articles, flush every `window` of them, fold all logs; return what that costs."""

    async def connect() -> FirestoreClient:
        return cast("FirestoreClient", memory)

    made: list[CompactLayout] = []

    def layout(send: Send, read_seconds: float) -> Layout:
        made.append(CompactLayout(send, read_seconds))
        return made[0]

    sink = FirestoreSink(
        Connection(connect),
        7,
        Metrics(CollectorRegistry()),
        part_writes=part_writes,
        layout=layout,
    )
    journal = JournalStore(sqlite3.connect(":memory:"))
    seconds = 0.0
    begin = 0
    while begin < articles:
        end = min(begin + window, articles)
        record(journal, begin, end)
        number = journal.run(cut_flush)
        while number is not None:
            part = journal.run(plan_part, number, sink.part_limits)
            if part is None:
                break
            begun = time.process_time()
            await sink.apply(part)
            seconds += time.process_time() - begun
            journal.run(part_done, number, part.number)
        while (expiry := journal.run(expirable, 1_000)) is not None:
            await sink.expire(expiry)
            journal.run(forget, expiry)
        begin = end
    # What waits in the logs would be folded some day: all of it counts.
    begun = time.process_time()
    client = await connect()
    for name in [name for name in memory.stored if name.endswith(f"/{TALLIES}/{LOG}")]:
        await made[0].logs.fold(client, name.removesuffix(f"/{TALLIES}/{LOG}"))
    seconds += time.process_time() - begun
    await sink.close()
    return Spent(memory.writes, memory.reads, memory.bytes_written, memory.bytes_read, seconds)


def stored(publications: Sequence[str], entities: int = STORED) -> MemoryFirestore:
    """Return a database in which each publication has so many entities."""
    memory = MemoryFirestore(measuring=False)
    leaves = [(end, some.SerializeToString()) for end, some in _leaves(entities)]
    root = f"{memory.documents}/newstally/compact"
    memory.stored[root] = b""
    for key in {publication_key(each) for each in publications}:
        for end, some in leaves:
            memory.stored[f"{publication_name(root, key)}/{TALLIES}/{end}"] = some
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


def run(*args: Any) -> Spent:
    """See `spend`."""
    return asyncio.run(spend(*args))
