"""Batches, stores and databases for the persister's tests."""

import asyncio
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, voiding
from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PageLimits
from newstally_persister.sinks.derived.rollups import LEVELS
from newstally_persister.sinks.sqlite_schema import BOOKS, SPELT, SPELT_TABLES
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.batches import Batch, read_batch
from newstally_persister.values.keys import publication_key
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.uploads import NewUpload
from newstally_protos.v1 import article_pb2, journal_pb2, tally_pb2
from newstally_protos.wire import ANONYMOUS_OWNER
from prometheus_client import CollectorRegistry

LARGE = PartLimits(rows=1_000, size_bytes=1_000_000)
EVERYTHING = PageLimits(items=100_000, size_bytes=10**9)

Mentions = Sequence[tuple[str, str]]
"""The (text, label) of each."""
Article = tuple[str, Mentions] | tuple[str, Mentions, int | None] | None
"""A publication with what it mentions, and perhaps the day; None is a refusal."""
Tallies = Counter[tuple[str, str, str, str]]
"""(publication key, text, label, "mentions" or "articles"), as in a plain recount."""
DayTallies = Counter[tuple[str, str, str, str, int | None]]
"""The same, of each day; None: of articles without one."""


class SimulatedCrashError(Exception):
    """The process died here."""


class CrashingConnection(sqlite3.Connection):
    """A database whose process can be made to die at any of its statements."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._statements_left: int | None = None

    def crash_after(self, statements: int | None) -> None:
        """Die after that many statements; None: live."""
        self._statements_left = statements

    def execute(self, *args: Any) -> sqlite3.Cursor:
        self._step()
        return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        self._step()
        return super().executemany(*args)

    def _step(self) -> None:
        if self._statements_left is not None:
            if self._statements_left <= 0:
                raise SimulatedCrashError
            self._statements_left -= 1


def metrics() -> Metrics:
    """Return metrics of their own."""
    return Metrics(CollectorRegistry())


def database() -> CrashingConnection:
    """Return an empty database in memory."""
    return sqlite3.connect(":memory:", isolation_level=None, factory=CrashingConnection)


def spelt_database() -> CrashingConnection:
    """Return an empty database of tallies as 0.2.0 makes it."""
    connection = database()
    for statement in (*SPELT_TABLES, *BOOKS):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SPELT}")
    return connection


def journal(*upload_ids: str) -> JournalStore:
    """Return a journal in memory with some uploads."""
    store = JournalStore(database())
    store.create_uploads([NewUpload(upload_id, ANONYMOUS_OWNER) for upload_id in upload_ids], 1)
    return store


def request(
    upload_id: str, first: int, articles: Sequence[Article]
) -> journal_pb2.RecordBatchRequest:
    """Return the batch of these articles, spelt and tallied as a gateway does."""
    publications: dict[tuple[str, int | None], list[Mentions]] = {}
    refusals = []
    for offset, article in enumerate(articles, first):
        if article is None:
            refusals.append(
                article_pb2.Refusal(
                    offset=offset,
                    reason=article_pb2.REFUSAL_REASON_CONTENT_EMPTY,
                    message="blank",
                )
            )
        else:
            publications.setdefault((article[0], day(article)), []).append(article[1])
    return journal_pb2.RecordBatchRequest(
        upload_id=upload_id,
        first_offset=first,
        end_offset=first + len(articles),
        publications=[_publication(*place, mentioned) for place, mentioned in publications.items()],
        refusals=refusals,
        models=["en 1"],
    )


def day(article: Article) -> int | None:
    """Return the day of an article, if it has one."""
    return article[2] if article is not None and len(article) == 3 else None


def _publication(
    name: str, day: int | None, articles: Sequence[Mentions]
) -> journal_pb2.PublicationBatch:
    mentions = Counter(entity for article in articles for entity in article)
    containing = Counter(entity for article in articles for entity in set(article))
    return journal_pb2.PublicationBatch(
        publication=name,
        day=day,
        articles=len(articles),
        entity_tallies=[
            tally_pb2.EntityTally(
                text=text, label=label, mentions=number, articles=containing[text, label]
            )
            for (text, label), number in mentions.items()
        ],
    )


def batch(upload_id: str, first: int, articles: Sequence[Article]) -> Batch:
    """Return the checked batch of these articles."""
    return read_batch(request(upload_id, first, articles))


def recount_days(articles: Sequence[Article]) -> DayTallies:
    """Count plainly what the sink must hold for these articles, by day."""
    total: DayTallies = Counter()
    for article in articles:
        for key, number in recount([article]).items():
            total[*key, day(article)] += number
    return total


def recount(articles: Sequence[Article]) -> Tallies:
    """Count plainly what the sink must hold for these articles."""
    total: Tallies = Counter()
    for article in articles:
        if article is None:
            continue
        name, entities = article[:2]
        key = publication_key(name)
        total[key, "", "", "articles"] += 1
        total[key, "", "", "mentions"] += len(entities)
        for text, label in entities:
            total[key, text, label, "mentions"] += 1
        for text, label in set(entities):
            total[key, text, label, "articles"] += 1
    return +total


async def eventually(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail when it does not within a minute."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.001)


def sink_tallies(sink: SqliteTallies) -> Tallies:
    """Read everything that a sink holds, also of publications whose own row is not there yet."""
    (version,) = sink._connection.execute("PRAGMA user_version").fetchone()
    query = _SPELT_ROWS if version == SPELT else _NUMBERED_ROWS
    total: Tallies = Counter()
    for key, text, label, mentions, articles in sink._connection.execute(query):
        total[key, text, label, "mentions"] = mentions
        total[key, text, label, "articles"] = articles
    return +total


def sink_days(sink: SqliteTallies) -> DayTallies:
    """Read everything that a sink of the newer form holds, by day."""
    check_rollups(sink._connection.execute)
    return by_day(sink_tallies(sink), sink._connection.execute(_NUMBERED_DAYS))


def check_rollups(query: Callable[[str], Iterable[Any]]) -> None:
    """Fail unless each block whose days are all covered holds what its days hold."""
    days = dict(query("SELECT day, written <> covered FROM rolled_days"))
    articles = query("SELECT day, articles FROM rolled_days")
    counted = query("SELECT day, sum(articles) FROM publication_days GROUP BY day")
    assert sorted(articles) == sorted(counted)
    uncovered = {day for day, apart in days.items() if apart}
    wanted: Counter[Any] = Counter()
    for day, entity, mentions, number in query(
        "SELECT day, label << 40 | entity, mentions, articles FROM entity_days"
    ):
        assert day in days
        for level in LEVELS:
            wanted[level, day >> level, entity, "mentions"] += mentions
            wanted[level, day >> level, entity, "articles"] += number
    found: Counter[Any] = Counter()
    for level, block, size, entries in query("SELECT level, block, size, entries FROM rollups"):
        unpacked = list(struct.iter_unpack("<Qii", entries))
        assert len(unpacked) == size
        for entity, mentions, number in unpacked:
            found[level, block, entity, "mentions"] += mentions
            found[level, block, entity, "articles"] += number
    apart = {(level, day >> level) for day in uncovered for level in LEVELS}
    for each in found.keys() | wanted.keys():
        assert each[:2] in apart or found[each] == wanted[each], each


def waiting_days(connection: sqlite3.Connection) -> DayTallies:
    """Read everything that a journal holds beside the sink, by day."""
    total: Tallies = Counter()
    for table in ("set_aside", "pending"):
        for key, text, label, mentions, number in connection.execute(
            f"SELECT publication_key, text, label, mentions, articles FROM {table}"
        ):
            total[key, text, label, "mentions"] += mentions
            total[key, text, label, "articles"] += number
    return by_day(total, connection.execute(_WAITING_DAYS))


def by_day(total: Tallies, dated: Iterable[tuple[str, str, str, int, int, int]]) -> DayTallies:
    """Return (key, text, label, day, mentions, articles), and what the totals have more, as None.

    Fails where the days make more than the total.
    """
    found: DayTallies = Counter()
    for key, text, label, day, mentions, articles in dated:
        found[key, text, label, "mentions", day] += mentions
        found[key, text, label, "articles", day] += articles
    left = total.copy()
    for (key, text, label, what, _), number in found.items():
        left[key, text, label, what] -= number
    assert not -left, f"more on days than in all: {-left}"
    for (key, text, label, what), number in left.items():
        found[key, text, label, what, None] = number
    return +found


_NUMBERED_DAYS = """
SELECT key, '', '', day, d.mentions, d.articles FROM publication_days d
JOIN publication_tallies USING (publication) UNION ALL
SELECT p.key, n.text, n.label, day, d.mentions, d.articles FROM entity_days d
JOIN publication_tallies p USING (publication) JOIN entity_names n USING (entity)
"""
_WAITING_DAYS = """
SELECT publication_key, text, label, day, day_mentions, day_articles
FROM pending JOIN usual_days USING (flush) WHERE day_articles > 0 UNION ALL
SELECT publication_key, text, label, day, d.mentions, d.articles
FROM pending_days d JOIN pending USING (flush, publication_key, text, label) UNION ALL
SELECT publication_key, text, label, day, mentions, articles FROM set_aside_days
"""
_NUMBERED_ROWS = """
SELECT key, '', '', mentions, articles FROM publication_tallies UNION ALL
SELECT p.key, n.text, n.label, t.mentions, t.articles FROM entity_tallies t
JOIN publication_tallies p USING (publication) JOIN entity_names n USING (entity)
"""
_SPELT_ROWS = """
SELECT key, '', '', mentions, articles FROM publications UNION ALL
SELECT publication_key, text, label, mentions, articles FROM entities
"""


def flush(store: JournalStore, sink: SqliteTallies, limits: PartLimits = LARGE) -> list[Part]:
    """Move everything to the sink as the flusher does; return the parts that were applied."""
    parts = []
    opened = store.run(flushes.open_flush)
    number_cut = opened.flush if opened is not None else store.run(flushes.cut)
    while (opened := store.run(flushes.open_flush)) is not None and opened.undone:
        part = store.run(flushes.read_part, opened.flush, opened.undone[0])
        if part.number in opened.voiding and sink.void(part):
            store.run(voiding.finish, part.flush, part.number)
            continue
        parts.append(part)
        sink.apply(part)
        store.run(flushes.part_done, part.flush, part.number)
    while number_cut and (found := store.run(flushes.plan_part, number_cut, limits)):
        parts.append(found)
        sink.apply(found)
        store.run(flushes.part_done, found.flush, found.number)
    return parts
