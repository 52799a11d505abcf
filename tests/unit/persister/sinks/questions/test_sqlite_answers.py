"""The embedded sink's answers are those of a plain recount, page by page."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks.base import PageLimits, PublicationUnknownError
from newstally_persister.sinks.derived import rollups, words
from newstally_persister.sinks.questions import sqlite_entities, sqlite_ranking, sqlite_sums
from newstally_persister.sinks.questions.asked import (
    Days,
    EntityUnknownError,
    Floor,
    Name,
    NothingComparableError,
    Period,
    UnansweredError,
)
from newstally_persister.sinks.questions.sqlite_scope import bounded
from newstally_persister.sinks.sqlite_tallies import SqliteTallies

from . import plain
from .plain import ARTICLES, DAYS, LABELS, PUBLICATIONS, TEXTS, Counted

SCOPES = st.none() | st.sampled_from(PUBLICATIONS)
SOME_LABELS = st.sampled_from(["", *LABELS, "NONE"])
PAGES = st.integers(1, 4)

STATES = st.sampled_from(["covered", "not covered", "repaired"])


def stored(articles: Sequence[Counted], state: str = "covered") -> sqlite3.Connection:
    """Return a store that was given these articles as a flush gives them."""
    tallies = SqliteTallies(sqlite3.connect(":memory:", isolation_level=None))
    with pytest.MonkeyPatch.context() as patch:
        if state != "covered":  # a build did it that knows no rollups
            patch.setattr(rollups, "add", lambda *_: None)
        tallies.apply(plain.part(articles))
    while state == "repaired" and tallies.keep():
        pass
    return tallies.connection


@given(ARTICLES, SCOPES, DAYS, SOME_LABELS, PAGES, st.booleans(), st.booleans(), STATES)
def test_the_most_mentioned(
    articles: list[Counted],
    publication: str | None,
    days: Days,
    label: str,
    size: int,
    looked_up: bool,
    walked: bool,
    state: str,
) -> None:
    """Within any days, in any scope, whichever way the store chooses."""
    store = stored(articles, state)
    own = plain.of(articles, publication)
    limits = PageLimits(size, 10_000)
    if not own:
        with pytest.raises(PublicationUnknownError):
            sqlite_ranking.rank(store, publication, days, label, limits, None)
        return

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_ranking.rank(store, publication, days, label, limits, after)
        assert found.articles == len(plain.within(own, days))
        items = found.page.items
        last = items[-1] if items else None
        more = found.page.more and last is not None
        return items, (last.mentions, last.text, last.label) if more and last else None

    with pytest.MonkeyPatch.context() as patch:
        if not days.all:
            patch.setattr(sqlite_ranking._Most, "is_looked_up", lambda *_: looked_up)
        patch.setattr(sqlite_ranking, "_AT_A_TIME", 2)
        patch.setattr(sqlite_ranking, "_LOOKED_UP_AT_A_TIME", 1)
        patch.setattr(sqlite_sums, "SORTED_AT_MOST", 0 if walked else 5_000)
        rows = [tuple(item) for item in plain.all_pages(ask)]
    expected = plain.ranking(own, days, label)
    assert [row[:4] for row in rows] == expected
    assert {row[4] for row in rows} == {row[0].upper() for row in expected}


MENTIONS = st.tuples(*[st.integers(0, 5)] * len(PUBLICATIONS))


@given(st.lists(MENTIONS, min_size=3, max_size=9), st.none() | st.just("post"))
def test_looking_up_ends_when_it_may_and_not_before(
    entities: list[tuple[int, ...]], publication: str | None
) -> None:
    """Entities that have few mentions in each publication may have most in all."""
    articles = [
        Counted(key, n % 3 % 2, {(f"e{99 - n}", "ORG"): number} if number else {})
        for n, mentions in enumerate(entities)
        for key, number in zip(PUBLICATIONS, mentions, strict=True)
    ]
    store = stored(articles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_ranking._Most, "is_looked_up", lambda *_: True)
        patch.setattr(sqlite_ranking, "_AT_A_TIME", 1)
        patch.setattr(sqlite_ranking, "_LOOKED_UP_AT_A_TIME", 1)
        for days in (Days(), Days(1, 1)):
            found = sqlite_ranking.rank(
                store, publication, days, "", PageLimits(1, 10_000), None
            ).page.items
            expected = plain.ranking(plain.of(articles, publication), days, "")[:1]
            assert [tuple(item)[:4] for item in found] == expected


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(2, 6)), min_size=1, max_size=8),
    st.integers(3, 5),
    st.integers(1, 3),
)
def test_much_that_rises(counts: list[tuple[int, int]], floor: int, size: int) -> None:
    """Many entities rise, some of them as much as others; the floor leaves out some."""
    articles = [
        Counted(
            "post",
            day,
            {(f"e{n}", "ORG"): 1 + n % 2 for n, both in enumerate(counts) if both[day] > article},
        )
        for day in (0, 1)
        for article in range(40 - 30 * day)
    ]
    store = stored(articles)
    days, base = Period(1, 1), Period(0, 0)

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_ranking.rises(
            store, None, days, base, Floor(floor, ""), PageLimits(size, 10_000), after, 0
        )
        items = found.page.items
        return items, (items[-1].rise.at_least, *items[-1].tally[:2]) if found.page.more else None

    rows = [(each.rise.at_least, *each.tally[:2]) for each in plain.all_pages(ask)]
    assert rows == [row[:3] for row in plain.rising(articles, days, base, floor, "")]


PERIODS = st.lists(st.integers(-4, 13), min_size=4, max_size=4, unique=True).map(sorted)


@given(ARTICLES, SCOPES, PERIODS, st.integers(1, 3), SOME_LABELS, PAGES, STATES)
def test_what_rises(
    articles: list[Counted],
    publication: str | None,
    ends: list[int],
    floor: int,
    label: str,
    size: int,
    state: str,
) -> None:
    """Each entity above the floor whose bound is above 1, once, in order."""
    store = stored(articles, state)
    own = plain.of(articles, publication)
    base, days = Period(*ends[:2]), Period(*ends[2:])
    limits = PageLimits(size, 10_000)

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_ranking.rises(
            store, publication, days, base, Floor(floor, label), limits, after, 0
        )
        assert (found.days, found.base) == (days, base)
        items = found.page.items
        if not found.page.more:
            return items, None
        return items, (items[-1].rise.at_least, *items[-1].tally[:2])

    if not own:
        with pytest.raises(PublicationUnknownError):
            ask(None)
        return
    if not plain.within(own, days) or not plain.within(own, base):
        with pytest.raises(NothingComparableError):
            ask(None)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_sums, "_AT_A_TIME", 1)
        risen = plain.all_pages(ask)
    rows = [
        (
            each.rise.at_least,
            *each.tally[:2],
            (*each.tally[2:4], each.base_mentions, each.base_articles),
        )
        for each in risen
    ]
    assert rows == plain.rising(own, days, base, floor, label)


@given(ARTICLES, st.integers(-6, 14))
def test_without_days_the_last_week_is_compared(articles: list[Counted], today: int) -> None:
    """Up to the last day with articles, and not later than tomorrow."""
    store = stored(articles)
    dated = [each.day for each in articles if each.day is not None and each.day <= today + 1]
    limits = PageLimits(10, 10_000)
    try:
        found = sqlite_ranking.rises(store, None, None, None, Floor(1, ""), limits, None, today)
    except NothingComparableError:
        base = dated and Period(max(dated) - 34, max(dated) - 7)
        assert not base or not plain.within(articles, base)
        return
    assert found.days == Period(max(dated) - 6, max(dated))
    assert found.base == Period(max(dated) - 34, max(dated) - 7)


@given(ARTICLES, SCOPES, st.sampled_from(TEXTS), st.sampled_from(["", *LABELS]), DAYS, PAGES)
def test_one_entity_by_day(
    articles: list[Counted],
    publication: str | None,
    text: str,
    label: str,
    days: Days,
    size: int,
) -> None:
    """Days with articles, those without a mention, too; what has no day is the rest."""
    store = stored(articles)
    own = plain.of(articles, publication)
    totals = plain.tally(own)
    meant = [e for e in totals if e[0] == text and label in ("", e[1])]
    first: list[Any] = []

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_entities.history(
            store, publication, Name(text, label), days, PageLimits(size, 10_000), after
        )
        first.append(found)
        return found.days.items, found.days.items[-1].period if found.days.more else None

    if not meant:
        with pytest.raises((EntityUnknownError, PublicationUnknownError)):
            ask(None)
        return
    entity = min(meant, key=lambda e: (-totals[e][0], e[1]))
    assert [tuple(row) for row in plain.all_pages(ask)] == plain.history(own, entity, days)
    assert first[0].entity == (*entity, *totals[entity], text.upper())
    undated = [each for each in own if each.day is None]
    expected = plain.tally(undated).get(entity, (0, 0))
    assert first[0].without_day == ("", *expected, len(undated))


@given(ARTICLES, st.sampled_from(TEXTS), DAYS, PAGES)
def test_one_entity_across_publications(
    articles: list[Counted], text: str, days: Days, size: int
) -> None:
    """Those that mention it within the days, by mentions, then key."""
    store = stored(articles)
    totals = plain.tally(articles)
    entity = (text, "PERSON")

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_entities.publications(
            store, Name(*entity), days, PageLimits(size, 10_000), after
        )
        items = found.page.items
        return items, (items[-1].mentions, items[-1].key) if found.page.more else None

    if entity not in totals:
        with pytest.raises(EntityUnknownError):
            ask(None)
        return
    expected = []
    for key in PUBLICATIONS:
        some = plain.within(plain.of(articles, key), days)
        if entity in (found := plain.tally(some)):
            expected.append((key, key.title(), *found[entity], len(some)))
    expected.sort(key=lambda row: (-row[2], row[0]))
    assert [tuple(row) for row in plain.all_pages(ask)] == expected


@given(ARTICLES, SCOPES, st.sampled_from(["a", "ab", "b", "z", "zz"]), SOME_LABELS, PAGES, STATES)
def test_names_by_their_beginning(
    articles: list[Counted],
    publication: str | None,
    beginning: str,
    label: str,
    size: int,
    state: str,
) -> None:
    """By text, then label; then those of which a further word begins so, by that word."""
    store = stored(articles, state)
    own = plain.of(articles, publication)
    limits = PageLimits(size, 10_000)
    if not own:
        with pytest.raises(PublicationUnknownError):
            sqlite_entities.find(store, publication, beginning, label, limits, None)
        return

    def ask(after: Any) -> tuple[Sequence[Any], Any]:
        found = sqlite_entities.find(store, publication, beginning, label, limits, after)
        return found.items, found.next

    numbers = {
        (text, of_label): number
        for number, text, of_label in store.execute("SELECT entity, text, label FROM entity_names")
    }
    expected = []
    for entity, counts in plain.tally(own, label).items():
        if entity[0].startswith(beginning):
            expected.append(((0, *entity), (*entity, *counts)))
        elif further := plain.further(entity[0], beginning):
            expected.append(((1, min(further), numbers[entity]), (*entity, *counts)))
    found = [tuple(row)[:4] for row in plain.all_pages(ask)]
    assert found == [row for _, row in sorted(expected, key=lambda each: each[0])]


def test_a_surname_finds_whom_it_belongs_to() -> None:
    """Any word of a name may begin so, not only its first; a middle of a word does not count."""
    texts = ["angela merkel", "merkel", "jean-claude juncker", "o'brien", "\u0939\u093f\u0928"]
    connection = stored([Counted("post", 0, {(text, "PERSON"): 1 for text in texts})])

    def find(beginning: str) -> list[str]:
        found = sqlite_entities.find(connection, None, beginning, "", PageLimits(9, 9_999), None)
        assert found.next is None
        return [item.text for item in found.items]

    for _ in range(2):
        assert find("merk") == ["merkel", "angela merkel"]
        assert find("claude j") == ["jean-claude juncker"]
        assert find("brien") == ["o'brien"]
        assert find("erkel") == find("\u0928") == []
        assert words.step(connection) or not words.step(connection)


def test_long_rests_are_told_apart() -> None:
    """Rows are cut short, names are not."""
    rest = "b" * 60
    connection = stored([Counted("post", 0, {(f"a {rest}{end}", "ORG"): 1 for end in "xy"})])
    assert words.step(connection)
    found = sqlite_entities.find(connection, None, f"{rest}y", "", PageLimits(9, 9_999), None)
    assert [item.text for item in found.items] == [f"a {rest}y"]


@given(st.text(st.sampled_from("ab -\u0301'"), max_size=12))
def test_words_begin_behind_what_is_no_word(text: str) -> None:
    """A letter or digit, and before it neither one nor a mark on one."""
    assert {rest[:48] for rest in plain.further(text, "")} == words.rests(text)


def test_a_question_that_reads_too_much_is_not_answered() -> None:
    """It ends after so many steps, says what to do, and the next one is answered."""
    articles = [Counted("post", day, {("a", "ORG"): 1}) for day in range(500)]
    store = stored(articles)
    question = (store, None, Days(0, 400), "", PageLimits(10, 10_000), None)
    with pytest.raises(UnansweredError, match="fewer days"), bounded(store, 1_000):
        sqlite_ranking.rank(*question)
    with bounded(store, 1_000_000):
        assert sqlite_ranking.rank(*question).articles == 401
