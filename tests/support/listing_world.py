"""Persisters that write one compact database in memory, and an oracle for its lists.

The database notes which part came to a publication's log in which order. Whenever a list is
written, it must be what sorting the first `parts` of them gives; and of the journal that it names
it must show all flushes up to the one that it names, and nothing later.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.listing.layout import ListedLayout
from newstally_persister.sinks.firestore.compact.listing.tops import Sizes
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.layout import Layout
from newstally_persister.sinks.firestore.sink import FirestoreSink, Send
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from newstally_persister.values.progress import Expiry
from newstally_protos.backoff import Backoff
from support.compact_database import TINY
from support.firestore_memory import MemoryFirestore
from support.top_lists import LENGTHS, plain, shown
from unit.persister.building import metrics

SIZES = Sizes(rows=3, label_rows=2, labels=2, kept=4)
TODAY = 20_778
"""2026-11-21: the day by the database's clock."""
LIMIT = TODAY + 1


class ListedDatabase(MemoryFirestore):
    """A database that checks each list that is written."""

    def __init__(self, journals: int) -> None:
        super().__init__(now=TODAY * 86_400)
        self._journals = journals
        self.known: dict[str, Part] = {}
        """All parts that may come, by id."""
        self.logs: dict[str, list[Part]] = {}
        """What came to the log of each publication, in order."""
        self.applied: list[Part] = []
        self.lists_written: Counter[str] = Counter()
        """By the list's name."""
        self.checked = True
        """Whether lists are: not where something else than parts has come."""

    async def commit(self, writes: Sequence[Any], seconds: float) -> Sequence[Any]:
        before = {write.update.name: self.document(write.update.name) for write in writes}
        results = await super().commit(writes, seconds)
        for write in writes:
            name: str = write.update.name
            document = self.document(name)
            if "/flushes/" in name and "expire_at" not in write.update.fields:
                part = self.known[name.rpartition("/")[2]]
                if document.fields["digest"].string_value == part.digest:
                    self.applied.append(part)
            elif name.endswith("/tallies/log") and write.update_transforms:
                (element,) = write.update_transforms[0].append_missing_elements.values
                part = self.known[element.map_value.fields["part"].string_value]
                self.logs.setdefault(name.rpartition("/tallies/")[0], []).append(part)
        for write in writes if self.checked else ():
            name = write.update.name
            if name.endswith("/lists/publications"):
                self._check_publications(shown(self.document(name)), before[name])
            elif "/lists/" in name:
                self._check_list(name, shown(self.document(name)), before[name])
        return results

    def _check_list(self, name: str, found: dict[str, Any], before: Any) -> None:
        publication, _, which = name.rpartition("/lists/")
        self.lists_written[which] += 1
        if before is not None:
            assert found["parts"] > shown(before)["parts"], "a list went back"
        log = self.logs.get(publication, [])
        some = log[: found["parts"]]
        assert len(some) == found["parts"], "a list counts parts that never came"
        journal, flush = found["journal"], found["flush"]
        named = [part for part in log if part.journal_id == journal and part.flush <= flush]
        assert [part for part in some if part.journal_id == journal] == named, "its flush"
        key = publication.rpartition("/")[2]
        rows = [row for part in some for row in part.entities if row.publication_key == key]
        own = [row for part in some for row in part.publications if row.key == key]
        claim = {name: found.pop(name) for name in ("journal", "flush", "parts")}
        assert found == plain(rows, own, LENGTHS[which], LIMIT, SIZES), claim

    def _check_publications(self, found: dict[str, Any], before: Any) -> None:
        self.lists_written["publications"] += 1
        named: Counter[str] = Counter()
        everything: Counter[str] = Counter()
        for part in self.applied:
            for row in part.publications:
                everything[row.key] += row.mentions
                if part.journal_id == found["journal"] and part.flush <= found["flush"]:
                    named[row.key] += row.mentions
        listed = {row["key"]: row["mentions"] for row in found["rows"]}
        if self._journals == 1:
            assert listed == named
            assert before is None or shown(before)["flush"] <= found["flush"]
        for key, mentions in named.items():
            assert mentions <= listed[key] <= everything[key]


class Faults:
    """What one persister sees of the database: replies are lost, and commits come late."""

    def __init__(self, database: ListedDatabase, draw: random.Random, likely: float) -> None:
        self._database = database
        self._draw = draw
        self._likely = likely
        self.late: list[Sequence[Any]] = []
        """Commits that are still on their way."""
        self.between = 0.0
        """How likely others go on at each call."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, name: str, seconds: float) -> Any:
        await self._pause()
        return await self._database.read(name, seconds)

    async def commit(self, writes: Sequence[Any], seconds: float) -> Sequence[Any]:
        await self._pause()
        fate = self._draw.random() / self._likely if self._likely else 9.0
        if fate < 0.3:
            self.late.append(writes)
            raise ServiceUnavailable("it comes late")  # type: ignore[no-untyped-call]
        if fate < 0.5:
            raise ServiceUnavailable("refused")  # type: ignore[no-untyped-call]
        results = await self._database.commit(writes, seconds)
        if fate < 1.0:
            raise ServiceUnavailable("the reply is lost")  # type: ignore[no-untyped-call]
        return results

    async def _pause(self) -> None:
        # Whatever else runs goes on in between.
        for _ in range(self._draw.randrange(4)):
            await asyncio.sleep(0)
        if self.late and self._draw.random() < 0.4:
            with contextlib.suppress(GoogleAPICallError):
                await self._database.commit(self.late.pop(0), 1.0)


class Persister:
    """One journal's persister: its flushes, and the life that works on them."""

    layout: ListedLayout

    def __init__(
        self,
        database: ListedDatabase,
        journal: str,
        draw: random.Random,
        likely: float,
        limits: FoldLimits = TINY,
    ) -> None:
        self._limits = limits
        self._database = database
        self._journal = journal
        self._draw = draw
        self.faults = Faults(database, draw, likely)
        self._flush = 0
        self._undone: list[Part] = []
        self._numbers: tuple[int, ...] = ()
        self.start()

    def start(self) -> None:
        """Begin as a new process does."""
        ticks = count()

        def layout(send: Send, read_seconds: float) -> Layout:
            self.layout = ListedLayout(
                send,
                read_seconds,
                self._limits,
                clock=lambda: next(ticks),
                every_seconds=0.0,
                sizes=SIZES,
                rest=0.0,
            )
            return self.layout

        async def connect() -> FirestoreClient:
            return self.faults  # type: ignore[return-value]

        self.sink = FirestoreSink(
            Connection(connect),
            7,
            metrics(),
            part_writes=1,
            layout=layout,
            wall_clock=lambda: datetime.fromtimestamp(TODAY * 86_400, UTC),
            # Short beside a life: what failed is tried again while others go on.
            backoff=Backoff(0.01, 0.1, self._draw),
        )

    async def flush(
        self, parts: Sequence[tuple[Sequence[PublicationRow], Sequence[EntityRow]]]
    ) -> None:
        """Cut a flush; each part is tried until it is applied."""
        self._flush += 1
        self._undone = [
            Part(self._journal, self._flush, number, f"digest {number}", *rows)
            for number, rows in enumerate(parts, 1)
        ]
        self._numbers = tuple(part.number for part in self._undone)
        self._database.known.update((part.id, part) for part in self._undone)
        await self.go_on()

    async def go_on(self) -> None:
        """Do what the flusher does with an open flush, or at its start."""
        await self._insist(lambda: self.sink.mark(self._journal))
        while self._undone:
            part = self._undone[0]
            await self._insist(lambda: self.sink.apply(part))  # noqa: B023 - awaited
            del self._undone[0]
        if self._flush:
            expiry = Expiry(self._journal, self._flush, self._numbers)
            await self._insist(lambda: self.sink.expire(expiry))

    async def round(self) -> None:
        """Let the lists be kept; what fails is tried again."""
        for _ in range(30):
            try:
                await self.layout.keeper.round(self.faults)  # type: ignore[arg-type]
            except (SinkError, GoogleAPICallError):
                continue
            return
        raise AssertionError("the lists are never written")

    async def _insist(self, call: Any) -> None:
        for _ in range(100):
            try:
                await call()
            except SinkError:
                continue
            return
        raise AssertionError("it never works")
