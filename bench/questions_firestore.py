"""What questions by day cost in Firestore: documents read, as billed, and milliseconds.

    python bench/questions_firestore.py STORE

STORE is a file of `bench/questions.py --keep`. Its publication that is asked about goes into the
emulator as the sink writes it, and of the others the entity that is asked about: what else they
have changes no read. Milliseconds are those of the emulator, on this machine.
"""

import asyncio
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PageLimits, SinkError
from newstally_persister.sinks.firestore.client import of_emulator
from newstally_persister.sinks.firestore.connection import Connection, connect
from newstally_persister.sinks.firestore.writes import Write, entity_write, publication_write
from newstally_persister.sinks.questions.asked import Days, Floor, Name, Period
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.values.parts import EntityRow, PublicationRow
from prometheus_client import CollectorRegistry
from questions import LAST_DAY
from support import firestore_emulator

PROJECT = "bench-questions"
ONE = 3
"""The publication that is asked about."""
AT_A_TIME = 200
TIMES = 5
_READS = "newstally_persister_firestore_question_reads_total"
PAGE = PageLimits(20, 1 << 20)
_EPOCH = date(1970, 1, 1).toordinal()
_ENTITIES = (
    "SELECT p.key, n.text, n.label, t.mentions, t.articles, n.display, t.publication, t.entity "
    "FROM entity_tallies t JOIN publication_tallies p USING (publication) "
    "JOIN entity_names n USING (entity) WHERE "
)


def with_days(write: Any, days: Iterable[tuple[int, int, int]]) -> Any:
    """Give a row's write the totals and days that its increments would add up to."""
    fields = write.update.fields
    months: dict[str, dict[str, tuple[int, int]]] = {}
    for day, mentions, articles in days:
        at = date.fromordinal(day + _EPOCH).isoformat()
        months.setdefault(at[:7], {})[at[8:]] = (mentions, articles)
    for transform in write.update_transforms:
        fields[transform.field_path].integer_value = transform.increment.integer_value
    for month, counted in months.items():
        below = fields["days"].map_value.fields[month].map_value.fields
        for of_month, counts in counted.items():
            _count(below[of_month].map_value.fields, counts)
        sums = (sum(m for m, _ in counted.values()), sum(a for _, a in counted.values()))
        _count(fields["months"].map_value.fields[month].map_value.fields, sums)
    return Write(update=write.update)


def _count(fields: Mapping[str, Any], counts: tuple[int, int]) -> None:
    fields["mentions"].integer_value, fields["articles"].integer_value = counts


async def fill(store: sqlite3.Connection, host: str) -> tuple[int, str]:
    """Write the documents; return how many the publication has, and the entity asked about."""

    @cache
    def days_of(publication: int) -> dict[int, list[tuple[int, int, int]]]:
        found: dict[int, list[tuple[int, int, int]]] = {}
        for entity, day, mentions, articles in store.execute(
            "SELECT entity, day, mentions, articles FROM entity_days WHERE publication = ?",
            (publication,),
        ):
            found.setdefault(entity, []).append((day, mentions, articles))
        return found

    client = of_emulator(host, f"projects/{PROJECT}/databases/(default)")
    writes = []
    for number, key, name, mentions, articles in store.execute(
        "SELECT publication, key, name, mentions, articles FROM publication_tallies"
    ).fetchall():
        days = store.execute(
            "SELECT day, mentions, articles FROM publication_days WHERE publication = ?", (number,)
        )
        row = PublicationRow(key, name, mentions, articles)
        writes.append(with_days(publication_write(client.documents, row), days))
    documents = 0
    for where in (f"t.publication = {ONE}", f"t.publication <> {ONE} AND t.entity = 3"):
        for *row, publication, entity in store.execute(_ENTITIES + where).fetchall():
            documents += publication == ONE
            writes.append(
                with_days(
                    entity_write(client.documents, EntityRow(*row)), days_of(publication)[entity]
                )
            )
    for begin in range(0, len(writes), AT_A_TIME):
        await client.commit(writes[begin : begin + AT_A_TIME], 60.0)
    await client.close()
    text = store.execute("SELECT text FROM entity_names WHERE entity = 3").fetchone()[0]
    return documents, text


def asked(questions: FirestoreQuestions, text: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the questions by what they are about."""
    key, last, name = f"paper {ONE}", LAST_DAY, Name(text, "")
    labelled = Name(text, "NORP")
    week, before = Period(last - 6, last), Period(last - 34, last - 7)

    def top(days: int | None, label: str = "") -> Callable[[], Awaitable[object]]:
        span = Days() if days is None else Days(last - days + 1, last)
        return lambda: questions.rank(key, span, label, PAGE, None)

    def rising(articles: int) -> Callable[[], Awaitable[object]]:
        return lambda: questions.rising(key, week, before, Floor(articles, ""), PAGE, None, last)

    return {
        "top, one publication, a day": top(1),
        "top, one publication, a week": top(7),
        "top, one publication, a month": top(31),
        "top, one publication, ever": top(None),
        "rising, one publication, 3 articles at least": rising(3),
        "rising, one publication, 20 articles at least": rising(20),
        "history, one publication": lambda: questions.history(key, labelled, Days(), PAGE, None),
        "history, one publication, no label": lambda: questions.history(
            key, name, Days(), PAGE, None
        ),
        "history, all": lambda: questions.history(None, labelled, Days(), PAGE, None),
        "one entity across publications": lambda: questions.publications(
            labelled, Days(), PAGE, None
        ),
        "names by three letters, one publication": lambda: questions.find(
            key, "a1f", "", PAGE, None
        ),
    }


async def main() -> int:
    """Fill and ask."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = host = firestore_emulator.running()
    with sqlite3.connect(sys.argv[1]) as store:
        begin = time.perf_counter()
        documents, text = await fill(store, host)
        (rows,) = store.execute(
            "SELECT count(*) FROM entity_days WHERE publication = ?", (ONE,)
        ).fetchone()
    print(
        f"{documents:,} documents of {rows:,} rows, filled in {time.perf_counter() - begin:.0f} s",
        flush=True,
    )
    registry = CollectorRegistry()

    def read() -> float:
        return registry.get_sample_value(_READS) or 0.0

    metrics = Metrics(registry)
    connection = Connection(lambda: connect(PROJECT, "(default)"))
    questions = FirestoreQuestions(connection, metrics)
    print(f"{'question':46}{'reads':>8}{'median ms':>11}{'slowest ms':>12}")
    for about, question in asked(questions, text).items():
        took: list[float] = []
        before = read()
        for _ in range(TIMES):
            began = time.perf_counter()
            try:
                await question()
            except SinkError as error:
                print(f"{about:46}  {error}")
                break
            took.append(1_000 * (time.perf_counter() - began))
        else:
            reads = (read() - before) / TIMES
            row = f"{reads:8,.0f}{statistics.median(took):11.0f}{max(took):12.0f}"
            print(f"{about:46}{row}", flush=True)
    await connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
