"""A compact database in memory, and plain sums beside it."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from typing import Any

from hypothesis import strategies as st
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.head import read_head
from newstally_persister.sinks.firestore.compact.keys import (
    ALL,
    LAST,
    days_range,
)
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.days import window
from newstally_persister.sinks.firestore.writes import publication_name
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from support.firestore_memory import MemoryFirestore

TINY = FoldLimits(log_bytes=900, leaf_bytes=300, leaf_rows=4, commit_bytes=1_500, logs_bytes=2_000)
KEPT = window(date(2026, 11, 21), 62, None, first_part=True)
TEXTS = st.text(min_size=1, max_size=40)
DAYS = st.dictionaries(
    st.integers(-719_162, 2_932_896), st.tuples(st.integers(1, 9), st.just(1)), max_size=5
).map(lambda found: tuple((day, *counts) for day, counts in sorted(found.items())))
ROWS = st.lists(
    st.builds(
        lambda text, label, extra, days, name: EntityRow(
            "p",
            text,
            label,
            extra + sum(day[1] for day in days),
            1 + sum(day[2] for day in days),
            name,
            days,
        ),
        TEXTS,
        st.sampled_from(["PERSON", "ORG", "é|~"]),
        st.integers(1, 99),
        DAYS,
        st.none() | TEXTS,
    ),
    max_size=8,
    unique_by=lambda row: (row.text, row.label),
)


def part(number: int, entities: Iterable[EntityRow]) -> Part:
    some = tuple(entities)
    days: Counter[int] = Counter(day for row in some for day, *_ in row.days)
    own = tuple((day, number, number) for day, number in sorted(days.items()))
    articles = 1 + sum(each[2] for each in own)
    publication = PublicationRow("p", "P", articles, articles, own)
    return Part("j", number, 1, f"{number}", [publication], some)


class Database:
    """A database in memory, and a layout that works on it."""

    def __init__(self, limits: FoldLimits = TINY) -> None:
        self.memory = MemoryFirestore()
        self.client: Any = self.memory
        self.limits = limits
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.start()

    def start(self) -> None:
        """Begin as a new process does, which knows nothing."""
        self.layout = CompactLayout(self.send, 1.0, self.limits)

    async def send(self, client: FirestoreClient, writes: list[Any]) -> None:
        if self.before_commit is not None:
            await self.before_commit()
        await client.commit(writes, 1.0)

    async def apply(self, given: Part) -> None:
        async with self.layout.writing(self.client, given, KEPT) as writes:
            await self.client.commit(writes, 1.0)

    @property
    def publication(self) -> str:
        return publication_name(self.layout.root(self.client), "p")

    async def tend(self) -> None:
        """Do what the sink's task does."""
        await self.layout.tend(self.client)

    async def all(self) -> rows.Tallied:
        """Everything, as it is read for answers."""
        reader = Reader(self.client, 1.0, limit_bytes=2**40)
        totals = await reader.between(self.publication, ALL, f"{ALL}{LAST}")
        days = await reader.between(self.publication, *days_range("0001-01-01", "9999-12-31"))
        return rows.Tallied(totals.totals, totals.names, days.days)

    def pieces_there(self) -> set[str]:
        """Ids of pieces, wanted or not."""
        names = (name.rpartition("/")[2] for name in self.memory.stored)
        return {name for name in names if name.startswith("segment~")}

    def pieces_known(self) -> set[str]:
        """Ids of the pieces that wait."""
        head = read_head(self.memory.document(queries.head_name(self.publication)))
        return {piece.id for table in head.tables.values() for piece in table.pieces}

    def leaves(self, table: str) -> list[tuple[str, list[str]]]:
        """(end, keys of the rows) of each leaf, in order."""
        found = []
        for name in sorted(self.memory.stored):
            if name.startswith(f"{self.publication}/{queries.TALLIES}/{table}"):
                held = rows.Tallied()
                rows.add_leaf(held, self.memory.document(name))
                found.append((name.rpartition("/")[2], sorted(held.keys())))
        return found


def added_up(parts: Iterable[Part]) -> rows.Tallied:
    """Count plainly, one row after the other."""
    found = rows.Tallied()
    for each in parts:
        for row in each.entities:
            entity = rows.Entity(row.text, row.label)
            dated = [sum(day[n] for day in row.days) for n in (1, 2)]
            before = found.totals.get(entity, (0, 0, 0, 0))
            added = (row.mentions, row.articles, *dated)
            found.totals[entity] = tuple(a + b for a, b in zip(before, added, strict=True))  # type: ignore[assignment]
            if row.name:
                found.names[entity] = row.name
        own = ((("", ""), row.days) for row in each.publications)
        of_entities = (((row.text, row.label), row.days) for row in each.entities)
        for about, days in (*own, *of_entities):
            for day, mentions, articles in days:
                iso = date.fromordinal(day + date(1970, 1, 1).toordinal()).isoformat()
                place = (iso, rows.Entity(*about))
                known = found.days.get(place, (0, 0))
                found.days[place] = (known[0] + mentions, known[1] + articles)
    return found


def same(found: rows.Tallied, expected: rows.Tallied) -> None:
    assert found.totals == expected.totals
    assert found.days == expected.days
    assert {each: name for each, name in found.names.items() if name} == expected.names


def entities(draw: random.Random, number: int) -> list[EntityRow]:
    day = (20_000 + draw.randrange(9), 1, 1)
    texts = draw.sample([f"entity {n}" for n in range(40)], number)
    return [EntityRow("p", text, "ORG", 2, 1, text.title(), (day,)) for text in sorted(texts)]
