"""Questions by day to Firestore: answers of a plain recount, within bounds, or not at all."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newstally_persister.sinks.base import PageLimits, PublicationUnknownError
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.layout import Layout
from newstally_persister.sinks.firestore.sink import FirestoreSink, Send
from newstally_persister.sinks.firestore.writes import publication_name
from newstally_persister.sinks.questions.asked import (
    Days,
    EntityUnknownError,
    Floor,
    Name,
    NothingComparableError,
    Period,
    Questions,
    UnansweredError,
    iso_day,
    read_day,
)
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from newstally_protos.v1 import tally_pb2
from support.firestore_patience import unhurried
from unit.persister.building import Article, metrics
from unit.persister.calling import SECONDS, Caller, persister
from unit.persister.sinks.questions import plain
from unit.persister.sinks.questions.plain import ARTICLES, DAYS, LABELS, TEXTS, Counted

TODAY = date(2026, 11, 21)
BEGIN = read_day("2026-11-03")
"""Day 0 of the articles that hypothesis makes."""
SIGNS = "ab_.|%/é\uff21\U0001f600"
"""What an id escapes, and what sorts behind the end that is usually given to a range of names."""
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BOTH = pytest.mark.parametrize("layout", ["documents", "compact"])
_projects = itertools.count()


@pytest.fixture(autouse=True)
def host(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)


@asynccontextmanager
async def stored(
    articles: Sequence[Counted], reads: int = 5_000, layout: str = "documents"
) -> AsyncIterator[Questions]:
    """A database of its own that was given these articles as flushes give them."""
    if layout == "compact":
        async with stored_compactly(articles, reads) as questions:
            yield questions
        return
    project = f"questions-{next(_projects)}"
    connection = unhurried(project)
    sink = FirestoreSink(connection, 7, metrics(), part_writes=1_000, today=lambda _: TODAY)
    try:
        await sink.apply(plain.part(articles))
        yield FirestoreQuestions(connection, metrics(), reads=reads)
    finally:
        await sink.close()


@asynccontextmanager
async def stored_compactly(
    articles: Sequence[Counted], reads: int
) -> AsyncIterator[CompactQuestions]:
    """Half of the articles are in leaves, three rows each, and half of them in logs."""
    project = f"questions-{next(_projects)}"
    connection = unhurried(project)
    made: list[CompactLayout] = []

    def layout(send: Send, read_seconds: float) -> Layout:
        made.append(CompactLayout(send, read_seconds, FoldLimits(leaf_rows=3)))
        return made[0]

    sink = FirestoreSink(connection, 7, metrics(), part_writes=1_000, layout=layout)
    half = len(articles) // 2
    try:
        await sink.apply(plain.part(articles[:half]))
        async with connection.use() as client:
            root = made[0].root(client)
            for key in plain.PUBLICATIONS:
                await made[0].logs.fold(client, publication_name(root, key))
        await sink.apply(replace(plain.part(articles[half:]), flush=2))
        yield CompactQuestions(connection, metrics(), reads=reads)
    finally:
        await sink.close()


def lately(articles: Sequence[Counted]) -> list[Counted]:
    """Return the articles on days that are kept."""
    return [each if each.day is None else replace(each, day=each.day + BEGIN) for each in articles]


def shifted(days: Days) -> Days:
    first, last = (None if day is None else day + BEGIN for day in (days.first, days.last))
    return Days(first, last)


async def pages(ask: Callable[[Any], Awaitable[tuple[Sequence[Any], Any]]]) -> list[Any]:
    """Ask for page after page."""
    items: list[Any] = []
    position = None
    while True:
        some, position = await ask(position)
        items += some
        if position is None:
            return items
        assert len(items) < 1_000, "pages without end"


@BOTH
@EXAMPLES
@given(ARTICLES, DAYS, st.sampled_from(["", *LABELS]), st.integers(1, 4))
def test_the_most_mentioned_of_one_publication(
    layout: str, articles: list[Counted], days: Days, label: str, size: int
) -> None:
    """Exactly, although not every document is read."""

    async def run() -> None:
        made, span = lately(articles), shifted(days)
        own = plain.of(made, "post")
        async with stored(made, layout=layout) as questions:

            async def ask(after: Any) -> tuple[Sequence[Any], Any]:
                found = await questions.rank("post", span, label, PageLimits(size, 10_000), after)
                assert found.articles == len(plain.within(own, span))
                items = found.page.items
                last = items[-1] if found.page.more else None
                return items, last and (last.mentions, last.text, last.label)

            if not own:
                with pytest.raises(PublicationUnknownError):
                    await ask(None)
                return
            rows = [tuple(item)[:4] for item in await pages(ask)]
            assert rows == plain.ranking(own, span, label)

    asyncio.run(run())


@BOTH
@EXAMPLES
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_what_rises_in_one_publication(
    layout: str, counts: list[tuple[int, int]], floor: int, size: int
) -> None:
    """Each entity above the floor whose bound is above 1, once, in order."""
    made = [
        Counted(
            "post",
            BEGIN + 7 * day,
            {(f"e{n}", "ORG"): 1 + n % 2 for n, both in enumerate(counts) if both[day] > article},
        )
        for day in (0, 1)
        for article in range(40 - 30 * day)
    ]
    days, base = Period(BEGIN + 7, BEGIN + 13), Period(BEGIN, BEGIN + 6)

    async def run() -> None:
        async with stored(made, layout=layout) as questions:

            async def ask(after: Any) -> tuple[Sequence[Any], Any]:
                found = await questions.rising(
                    "post", days, base, Floor(floor, ""), PageLimits(size, 10_000), after, 0
                )
                assert (found.articles, found.base_articles) == (10, 40)
                items = found.page.items
                last = items[-1] if found.page.more else None
                return items, last and (last.rise.at_least, *last.tally[:2])

            rows = [(each.rise.at_least, *each.tally[:2]) for each in await pages(ask)]
            assert rows == [row[:3] for row in plain.rising(made, days, base, floor, "")]

    asyncio.run(run())


@BOTH
@EXAMPLES
@given(
    ARTICLES,
    st.none() | st.just("post"),
    st.sampled_from(TEXTS),
    st.sampled_from(["", *LABELS]),
    DAYS,
)
def test_one_entity(
    layout: str, articles: list[Counted], publication: str | None, text: str, label: str, days: Days
) -> None:
    """By day and by publication; a text without a label is that with most mentions."""

    async def run() -> None:
        made, span = lately(articles), shifted(days)
        own = plain.of(made, publication)
        totals = plain.tally(own)
        meant = [e for e in totals if e[0] == text and label in ("", e[1])]
        async with stored(made, layout=layout) as questions:
            limits = PageLimits(3, 10_000)

            async def by_day(after: Any) -> tuple[Sequence[Any], Any]:
                found = await questions.history(publication, Name(text, label), span, limits, after)
                if after is None:
                    assert found.entity[:4] == (*entity, *totals[entity])
                    undated = [each for each in own if each.day is None]
                    mentions = plain.tally(undated).get(entity, (0, 0))
                    assert found.without_day == ("", *mentions, len(undated))
                return found.days.items, found.days.items[-1].period if found.days.more else None

            if not meant:
                with pytest.raises((EntityUnknownError, PublicationUnknownError)):
                    await by_day(None)
                return
            entity = min(meant, key=lambda e: (-totals[e][0], e[1]))
            assert [tuple(row) for row in await pages(by_day)] == plain.history(own, entity, span)
            if publication is not None:
                return

            async def by_publication(after: Any) -> tuple[Sequence[Any], Any]:
                found = await questions.publications(
                    Name(*entity), span, PageLimits(1, 10_000), after
                )
                last = found.page.items[-1] if found.page.more else None
                return found.page.items, last and (last.mentions, last.key)

            expected = []
            for key in plain.PUBLICATIONS:
                some = plain.within(plain.of(made, key), span)
                if entity in (counts := plain.tally(some)):
                    expected.append((key, key.title(), *counts[entity], len(some)))
            expected.sort(key=lambda row: (-row[2], row[0]))
            assert [tuple(row) for row in await pages(by_publication)] == expected

    asyncio.run(run())


@BOTH
@EXAMPLES
@given(
    st.lists(st.text(SIGNS, min_size=1, max_size=4), min_size=1, max_size=12, unique=True),
    st.text(SIGNS, min_size=1, max_size=2),
    st.none() | st.just("post"),
)
def test_names_by_their_beginning(
    layout: str, texts: list[str], beginning: str, publication: str | None
) -> None:
    """Also where an id is not the text itself."""
    made = [
        Counted(key, None, {(text, "ORG"): 1})
        for key, some in (("post", texts), ("sun", texts[::2]))
        for text in some
    ]

    async def run() -> None:
        own = plain.of(made, publication)
        async with stored(made, layout=layout) as questions:

            async def ask(after: Any) -> tuple[Sequence[Any], Any]:
                found = await questions.find(
                    publication, beginning, "", PageLimits(2, 10_000), after
                )
                return found.items, found.next

            expected = sorted(
                (*entity, *counts)
                for entity, counts in plain.tally(own).items()
                if entity[0].startswith(beginning)
            )
            assert [tuple(row)[:4] for row in await pages(ask)] == expected

    asyncio.run(run())


async def test_what_is_kept_by_month_is_answered_by_month(emulator: str) -> None:
    """Whole months are exact; a month that is cut is not answered, and the remedy is told."""
    old, new = read_day("2026-03-15"), read_day("2026-11-20")
    made = [Counted("post", day, {("a", "ORG"): 2}) for day in (old, old + 1, new)]
    limits = PageLimits(10, 10_000)
    async with stored(made) as questions:
        spring = Days(read_day("2026-03-01"), read_day("2026-04-30"))
        found = await questions.rank("post", spring, "", limits, None)
        assert [tuple(item)[:4] for item in found.page.items] == [("a", "ORG", 4, 2)]
        history = await questions.history("post", Name("a", "ORG"), Days(), limits, None)
        assert [tuple(row) for row in history.days.items] == [
            ("2026-03", 4, 2, 2),
            ("2026-11-20", 2, 1, 1),
        ]
        with pytest.raises(UnansweredError, match="keeps 2026-03 by month"):
            await questions.rank("post", Days(old, None), "", limits, None)


async def test_what_would_read_too_much_is_not_answered(emulator: str) -> None:
    """Nor what would have to be added up over all publications; the message says what to ask."""
    made = [
        Counted("post", BEGIN + n % 14, {(f"e{n:03}", "ORG"): 1 + (n < 3) * 9}) for n in range(300)
    ]
    limits = PageLimits(2, 10_000)
    days, base = Period(BEGIN + 7, BEGIN + 13), Period(BEGIN, BEGIN + 6)
    async with stored(made, reads=260) as questions:
        # The first of them have more on one day than any other in all.
        found = await questions.rank("post", Days(BEGIN, None), "", limits, None)
        assert [item.text for item in found.page.items] == ["e000", "e001"]
        with pytest.raises(UnansweredError, match="more than 260 documents"):
            await questions.rank("post", Days(BEGIN + 13, None), "", limits, None)
        with pytest.raises(UnansweredError, match="over publications"):
            await questions.rank(None, Days(), "", limits, None)
        # Several reads at a time are behind this one.
        with pytest.raises(UnansweredError, match="more than 260 documents"):
            await questions.find(None, "e", "", limits, None)
        with pytest.raises(UnansweredError, match="over publications"):
            await questions.rising(None, days, base, Floor(3, ""), limits, None, 0)
        with pytest.raises(NothingComparableError):
            await questions.rising("post", Period(0, 6), None, Floor(3, ""), limits, None, 0)


async def test_what_is_said_to_ask_of_what_rises_is_answered(emulator: str) -> None:
    """The floor that a refusal names, and one label where that leaves few."""
    made = [
        Counted("post", BEGIN + day, {(f"e{n:03}", ("ORG", "PERSON")[n % 2]): 8 + n // 30})
        for n in range(300)
        for day in (0, 7)
    ]
    days, base = Period(BEGIN + 7, BEGIN + 13), Period(BEGIN, BEGIN + 6)
    limits = PageLimits(300, 100_000)
    async with stored(made, reads=260) as questions:
        with pytest.raises(UnansweredError, match="min_articles") as refused:
            await questions.rising("post", days, base, Floor(1, ""), limits, None, 0)
        floor = int(re.search(r"ask for (\d+) articles", str(refused.value))[1])  # type: ignore[index]
        assert 1 < floor < 40
        await questions.rising("post", days, base, Floor(floor, ""), limits, None, 0)
        await questions.rising("post", days, base, Floor(1, "ORG"), limits, None, 0)


async def test_a_persister_with_firestore_answers(emulator: str, tmp_path: Path) -> None:
    """Over the wire: the same answers, UNIMPLEMENTED with the remedy, and reads are counted."""

    def live() -> None:
        process = persister(tmp_path, "--sink", "firestore", "--flush-age", "0.05")
        process.environment.update(
            FIRESTORE_EMULATOR_HOST=emulator, GOOGLE_CLOUD_PROJECT="questions-process"
        )
        today = datetime.now(UTC).date().toordinal() - date(1970, 1, 1).toordinal()
        made: list[Article] = [("Post", [("x", "P")], today - n % 9) for n in range(30)]
        with process, Caller(process.address) as caller:
            caller.create("job")
            caller.record("job", 0, made)
            caller.until_applied("job")
            ranking = caller.tallies.RankEntities(
                tally_pb2.RankEntitiesRequest(
                    publication="post", days=tally_pb2.Days(first=iso_day(today))
                ),
                timeout=SECONDS,
            )
            assert [(e.text, e.mentions) for e in ranking.entity_tallies] == [("x", 4)]
            assert ranking.HasField("applied_time")
            history = caller.tallies.GetEntityHistory(
                tally_pb2.GetEntityHistoryRequest(text="X"), timeout=SECONDS
            )
            assert [day.mentions for day in history.days] == [3, 3, 3, 3, 3, 3, 4, 4, 4]
            with pytest.raises(grpc.RpcError, match="SQLite sink") as caught:
                caller.tallies.RankEntities(tally_pb2.RankEntitiesRequest(), timeout=SECONDS)
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    await asyncio.to_thread(live)
