"""A Firestore database that a real journal and sink write, and the questions that cost reads."""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, NamedTuple, Protocol

from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PageLimits
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.listing.layout import ListedLayout
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.layout import Layout
from newstally_persister.sinks.firestore.sink import FirestoreSink, Send, documents_layout
from newstally_persister.sinks.questions.asked import Days, Floor, Name, Period, Questions
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from newstally_persister.values.batches import read_batch
from newstally_persister.values.uploads import NewUpload
from newstally_protos.v1 import journal_pb2
from prometheus_client import CollectorRegistry

TEN = PageLimits(10, 1_000_000)
MANY = PageLimits(1_000, 1_000_000)
"""What the dashboard asks for."""
DAYS_KEPT = 124
"""--days-kept, of documents: so that the days of 90 are not months already."""
_MORE_THAN_ANY = 2**31 - 1
Ask = Callable[["Asked"], Awaitable[Any]]


class Client(Protocol):
    """A FirestoreClient that counts what Firestore bills."""

    reads: int


class Subject(NamedTuple):
    """What is asked about."""

    publication: str
    text: str
    label: str
    last: int
    """The last day, in days since 1970."""


class Untended(ListedLayout):
    """Logs are closed, and segments folded, when it is said: so that it is the same each time."""

    @property
    def due(self) -> bool:
        """Nothing is due by itself."""
        return False


class Asked:
    """A database of one layout, and what writes and asks it."""

    def __init__(self, client: Client, layout: str, today: date) -> None:
        """`today`: by Firestore's clock, more or less."""
        self.client = client
        self._layout: Untended | None = None
        connection = Connection(self._connect)
        self.sink = FirestoreSink(
            connection,
            7,
            Metrics(CollectorRegistry()),
            part_writes=1_000,
            days_kept=DAYS_KEPT,
            today=lambda _: today,
            layout=self._compact if layout == "compact" else documents_layout,
        )
        kind = CompactQuestions if layout == "compact" else FirestoreQuestions
        self.questions: Questions = kind(connection, Metrics(CollectorRegistry()), 60.0)
        self._journal = JournalStore(sqlite3.connect(":memory:"))

    async def _connect(self) -> FirestoreClient:
        return self.client  # type: ignore[return-value]

    def _compact(self, send: Send, read_seconds: float) -> Layout:
        self._layout = Untended(send, read_seconds, every_seconds=0.0, rest=0.0)
        return self._layout

    def record(self, request: journal_pb2.RecordBatchRequest) -> None:
        """Settle a batch of articles."""
        if not request.first_offset:
            self._journal.create_uploads([NewUpload(request.upload_id, "anonymous")], 1)
        self._journal.record_batches([read_batch(request)], 1)

    async def flush(self) -> None:
        """Apply all that is settled."""
        number = self._journal.run(flushes.cut)
        while number is not None:
            part = self._journal.run(flushes.plan_part, number, self.sink.part_limits)
            if part is None:
                break
            await self.sink.apply(part)
            self._journal.run(flushes.part_done, number, part.number)
        while (expiry := self._journal.run(flushes.expirable, 1_000)) is not None:
            await self.sink.expire(expiry)
            self._journal.run(flushes.forget, expiry)
        if self._layout is not None:
            await self._layout.logs.tend(await self._connect())

    async def list(self) -> None:
        """Write all lists that are not as they should be."""
        if self._layout is not None:
            await self._layout.keeper.round(await self._connect())

    async def reads(self, ask: Ask) -> tuple[int, Any]:
        """Return how many documents a question reads, and the answer."""
        before = self.client.reads
        answer = await ask(self)
        return self.client.reads - before, answer


def questions(subject: Subject) -> dict[str, Ask]:
    """Return the usual questions, by what they are about."""
    key, text, label, last = subject
    name = Name(text, label)
    quarter = Days(last - 89, last)

    def top(days: int, limits: PageLimits = TEN, label: str = "") -> Ask:
        span = Days(last - days + 1, last)
        return lambda on: on.questions.rank(key, span, label, limits, None)

    def rising(days: Period | None, base: Period | None, articles: int = 5) -> Ask:
        floor = Floor(articles, "")
        return lambda on: on.questions.rising(key, days, base, floor, TEN, None, last)

    return {
        "publications, 10": lambda on: on.sink.list_publications(TEN, None),
        "top 10": lambda on: on.sink.list_entity_tallies(key, "", TEN, None),
        "top 10 of a label": lambda on: on.sink.list_entity_tallies(key, label, TEN, None),
        "top 1,000": lambda on: on.sink.list_entity_tallies(key, "", MANY, None),
        "top 10 of the last day": top(1),
        "top 10 of the last 7 days": top(7),
        "top 10 of the last 28 days": top(28),
        "top 10 of 90 days": top(90),
        "top 1,000 of the last 28 days": top(28, MANY),
        "an entity over 90 days": lambda on: on.questions.history(key, name, quarter, MANY, None),
        "the same, all publications": lambda on: on.questions.history(
            None, name, quarter, MANY, None
        ),
        "publications with an entity, of 28 days": lambda on: on.questions.publications(
            name, Days(last - 27, last), MANY, None
        ),
        "what rises, 10": rising(Period(last - 6, last), Period(last - 34, last - 7)),
        "the last day with articles": rising(None, None, _MORE_THAN_ANY),
        "names by three letters": lambda on: on.questions.find(key, text[:3], "", MANY, None),
    }
