"""A Firestore database in memory that a real journal and sink write, in either layout."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.cloud.firestore_v1._helpers import decode_dict
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.maintenance.migration import stages
from newstally_persister.maintenance.migration.note import Layout
from newstally_persister.maintenance.migration.steps import Steps
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.sink import FirestoreSink, documents_layout
from newstally_persister.values.parts import Part
from support.compact_plain import rows as compact_rows
from support.firestore_compact import compact
from support.firestore_days import Places, days_from, found_places, recount_places
from support.firestore_memory import Document, MemoryFirestore
from unit.persister.building import Article, Tallies, batch, journal, metrics, recount

TINY = FoldLimits(
    log_bytes=6_000, leaf_bytes=700, leaf_rows=6, commit_bytes=4_000, logs_bytes=12_000
)
"""So small that a few articles fold logs and cut leaves."""
TODAY = datetime.fromtimestamp(1_700_000_000, UTC).date()
"""By the clock of the database in memory."""
EPOCH_DAY = TODAY.toordinal() - 719_163
"""That day as articles have it."""
SAID = stages.Wish(to="compact", journal_id=None, days_kept=62, drop_days=True, others_stopped=True)


class Died(BaseException):
    """The process died here."""


class Writer:
    """A journal, and a sink with one of the layouts."""

    def __init__(self, memory: MemoryFirestore, layout: Layout) -> None:
        self._memory = memory
        self.sent: list[Article] = []
        self.journal: JournalStore = journal("u")
        self.use(layout)

    def use(self, layout: Layout) -> None:
        """Begin as a new process does, with this layout."""

        async def connect() -> Any:
            return self._memory

        self.sink = FirestoreSink(
            Connection(connect),
            7,
            metrics(),
            part_writes=4 if layout == "documents" else 2,
            layout=compact(TINY) if layout == "compact" else documents_layout,
        )

    @property
    def id(self) -> str:
        return self.journal.run(flushes.position).journal_id

    def record(self, articles: list[Article]) -> None:
        """Settle articles."""
        assert self.journal.record_batches([batch("u", len(self.sent), articles)], 1)
        self.sent += articles

    async def flush(self, parts: int = 10**6, *, told: bool = True) -> bool:
        """Apply so many parts; return whether the flush is complete.

        `told`: the journal hears of the last one, too.
        """
        self.journal.run(flushes.cut) if self.journal.run(flushes.open_flush) is None else None
        await self.sink.mark(self.id)
        for number in range(parts):
            part = self.next_part()
            if part is None:
                break
            await self.sink.apply(part)
            if told or number < parts - 1:
                self.journal.run(flushes.part_done, part.flush, part.number)
        while (expiry := self.journal.run(flushes.expirable, 2)) is not None:
            await self.sink.expire(expiry)
            self.journal.run(flushes.forget, expiry)
        return self.journal.run(flushes.open_flush) is None

    def next_part(self) -> Part | None:
        """Return the next part of the open flush."""
        found = self.journal.run(flushes.open_flush)
        if found is None:
            return None
        if found.undone:
            return self.journal.run(flushes.read_part, found.flush, found.undone[0])
        return self.journal.run(flushes.plan_part, found.flush, self.sink.part_limits)


async def migrate(client: Any, to: Layout, directory: Path, wish: stages.Wish = SAID) -> list[str]:
    """Migrate as the command does; return what it says."""

    async def connect() -> Any:
        return client

    said: list[str] = []
    steps = Steps(Connection(connect), 10**9, said.append)
    wish = stages.Wish(to, wish.journal_id, 62, wish.drop_days, wish.others_stopped)
    await stages.migrate(steps, wish, directory, said.append, TINY)
    return said


def articles(draw: random.Random, number: int) -> list[Article]:
    """Return articles on days that are kept, in months, long ago, to come, and on none."""
    days = (None, 0, 0, -1, -2, -50, -100, -400, -401, -20_000, 200)
    texts = ("angela merkel", "..", "日本", "x`.y", "é" * 400, "a", "b", "c")
    return [
        (
            draw.choice(("The Lantern", "the  lantern", "a/b", "__x__", "Post")),
            [(draw.choice(texts), draw.choice("PO")) for _ in range(draw.randrange(5))],
            None if (day := draw.choice(days)) is None else EPOCH_DAY + day,
        )
        for _ in range(number)
    ]


def documents(memory: MemoryFirestore) -> dict[str, dict[str, Any]]:
    """Return all documents as Google's client shows them, by what follows `documents/`."""
    found: dict[str, Any] = {}
    for name, held in memory.stored.items():
        fields = Document.FromString(held).fields
        found[name.removeprefix(f"{memory.documents}/")] = decode_dict(fields, None)
    return found


def count(memory: MemoryFirestore) -> dict[Layout, tuple[Tallies, Places]]:
    """Recount both layouts plainly: in all, and by what is told of days.

    While a migration is under way, only the one in force: the other one is in pieces.
    """
    found = documents(memory)
    state = found.get("newstally/compact", {})
    counted: dict[Layout, tuple[Tallies, Places]] = {}
    for layout, plainly in (("documents", _documents), ("compact", _compact)):
        if "migration" not in state or state["layout"] == layout:
            counted[layout] = plainly(found)  # type: ignore[index]
    return counted


def _documents(found: Mapping[str, dict[str, Any]]) -> tuple[Tallies, Places]:
    tallies: Tallies = Counter()
    places: Places = Counter()
    for name, held in found.items():
        if not name.startswith("publications/"):
            continue
        key = _key(found, "/".join(name.split("/")[:2]))
        text, label = held.get("text", ""), held.get("label", "")
        for what in ("mentions", "articles"):
            tallies[key, text, label, what] = held[what]
        places.update(found_places(key, text, label, held))
    return +tallies, +places


def _compact(found: Mapping[str, dict[str, Any]]) -> tuple[Tallies, Places]:
    tallies: Tallies = Counter()
    places: Places = Counter()
    below: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, held in found.items():
        if name.startswith("newstally/compact/publications/"):
            publication, _, id_ = name.partition("/tallies/")
            below[publication].update({id_: held} if id_ else {})
    for publication, beneath in below.items():
        key, own, sums = _key(found, publication), found[publication], Counter[str]()
        for what in ("mentions", "articles"):
            tallies[key, "", "", what] = own[what]
        for text, label, day, *counts in compact_rows(beneath):
            for what, number in zip(("mentions", "articles"), counts, strict=True):
                if day:
                    places[key, text, label, what, day] += number
                    sums[f"{'outside' if day == 'outside' else 'dated'}_{what}"] += (
                        0 if text else number
                    )
                else:
                    tallies[key, text, label, what] += number
        assert +sums == +Counter({name: own.get(name, 0) for name in _SUMS})
    return +tallies, +places


_SUMS = [f"{kind}_{what}" for kind in ("dated", "outside") for what in ("mentions", "articles")]


def _key(found: Mapping[str, dict[str, Any]], publication: str) -> str:
    return " ".join(found[publication]["name"].split()).casefold()


def expected(sent: list[Article], layout: Layout) -> tuple[Tallies, Places]:
    """Count plainly what a database must hold of articles that came while it was `documents`."""
    places = recount_places(sent, TODAY, days_from(TODAY))
    if layout == "compact":
        # Days and months stand side by side: a month that is known by day is not there as a month.
        by_day = {(*place[:4], place[4][:7]) for place in places if len(place[4]) > 7}
        places = Counter({place: n for place, n in places.items() if place not in by_day})
    return recount(sent), places
