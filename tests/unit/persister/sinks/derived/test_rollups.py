"""Rollups: exact in every state, whoever wrote the rows."""

import sqlite3
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.derived import keeping, rollups, summing, words
from newstally_persister.sinks.derived.covering import Span
from newstally_persister.sinks.derived.summing import TooMuchError, spans_between, sums_between
from newstally_persister.sinks.sqlite_schema import NUMBERED, SPELT
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sinks.sqlite_upgrade import convert
from newstally_persister.values.parts import EntityRow, Part
from unit.persister.building import check_rollups, database

FAR = st.sampled_from([-719_162, 2_932_896]) | st.integers(-2_100, 2_100) | st.integers(-3, 3)
Counts = tuple[str, str, int, int]
"""(publication, text, day, mentions)."""
PARTS = st.lists(
    st.tuples(
        st.lists(
            st.tuples(
                st.sampled_from(["post", "sun"]), st.sampled_from("abcd"), FAR, st.integers(1, 3)
            ),
            max_size=12,
        ),
        st.sampled_from(["", "", "older", "keep", "idle", "reopen"]),
    ),
    max_size=8,
)


def part(flush: int, counts: list[Counts]) -> Part:
    """Return a part with these mentions, each of an article of its own."""
    rows = []
    for key, text in sorted({each[:2] for each in counts}):
        days: Counter[int] = Counter()
        articles: Counter[int] = Counter()
        for each in counts:
            if each[:2] == (key, text):
                days[each[2]] += each[3]
                articles[each[2]] += 1
        of_days = tuple((day, days[day], articles[day]) for day in sorted(days))
        label = "PERSON" if text in "ab" else "ORG"
        total = days.total(), articles.total()
        rows.append(EntityRow(key, text, label, *total, None, of_days))
    return Part("j", flush, 1, f"digest {flush}", [], rows)


def wanted(counts: list[Counts], first: int, last: int, texts: str) -> Counter[str]:
    """Count plainly."""
    found: Counter[str] = Counter()
    for _, text, day, mentions in counts:
        if first <= day <= last and text in texts:
            found[text] += mentions
    return found


def found(connection: sqlite3.Connection, first: int, last: int, label: int | None) -> Counter[str]:
    texts = dict(connection.execute("SELECT entity, text FROM entity_names"))
    sums = sums_between(connection, first, last, label)
    assert (sums.articles <= sums.mentions).all()
    return Counter(
        {
            texts[entity]: mentions
            for entity, mentions in zip(sums.entities.tolist(), sums.mentions.tolist(), strict=True)
        }
    )


@given(PARTS, st.lists(st.tuples(FAR, FAR).map(sorted), min_size=1, max_size=4), st.booleans())
def test_sums_are_a_plain_recount(
    parts: list[tuple[list[Counts], str]], ranges: list[list[int]], small: bool
) -> None:
    """Within any days, of any label, while builds without rollups write in between."""
    connection = database()
    sink = SqliteTallies(connection)
    counted: list[Counts] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "MOST_RUNS", 2)
        if small:
            patch.setattr(summing, "_AT_A_TIME", 1)  # longer runs are read piece by piece
            patch.setattr(summing, "_ENTITIES_AT_A_TIME", 2)
            patch.setattr(keeping, "MERGED_AT_MOST", 3)
        for flush, (counts, then) in enumerate(parts, 1):
            with pytest.MonkeyPatch.context() as older:
                if then == "older":
                    older.setattr(rollups, "add", lambda *_: None)
                sink.apply(part(flush, counts))
            counted += counts
            if then in ("keep", "idle"):
                while keeping.step(connection, idle=then == "idle"):
                    pass
            elif then == "reopen":
                sink = SqliteTallies(connection)
            check_rollups(connection.execute)
        for first, last in ranges:
            assert found(connection, first, last, None) == wanted(counted, first, last, "abcd")
            labels = dict(connection.execute("SELECT name, label FROM labels"))
            if "ORG" in labels:
                of_label = found(connection, first, last, labels["ORG"])
                assert of_label == wanted(counted, first, last, "cd")


def test_days_that_were_not_asked_for_are_subtracted() -> None:
    """A month less two days is fewer entries than its other days."""
    connection = database()
    sink = SqliteTallies(connection)
    counted = [("post", "a", day, 1 + day) for day in range(-32, 64)] + [("sun", "b", 31, 2)]
    for flush, some in enumerate((counted[::2], counted[1::2]), 1):
        sink.apply(part(flush, some))
    while sink.keep(idle=True):
        pass
    months = [Span(5, 0, 0, 1), Span(0, 0, 0, -1), Span(0, 31, 31, -1)]
    assert spans_between(connection, 1, 30) == months
    assert found(connection, 1, 30, None) == wanted(counted, 1, 30, "a")


def test_counts_that_do_not_fit_are_read_from_their_rows() -> None:
    """Their day is never covered, and nobody tries again and again to cover it."""
    connection = database()
    sink = SqliteTallies(connection)
    large = 2**40
    sink.apply(part(1, [("post", "a", 7, 1), ("post", "a", 9, large), ("post", "b", 9, 1)]))
    while sink.keep():
        pass
    assert found(connection, 0, 31, None) == Counter({"a": large + 1, "b": 1})
    sink.apply(part(2, [("post", "a", 9, 5)]))
    assert not sink.keep()
    assert found(connection, 0, 31, None) == Counter({"a": large + 6, "b": 1})


def test_sums_that_do_not_fit_stand_side_by_side() -> None:
    """Each part's count does, and they are merged as they are."""
    connection = database()
    sink = SqliteTallies(connection)
    most = 2**31 - 1
    for flush in range(1, keeping.MOST_RUNS + 1):
        sink.apply(part(flush, [("post", "a", 9, most)]))
    assert sink.keep()
    assert connection.execute("SELECT count(*) FROM rollups WHERE level = 0").fetchone() == (1,)
    assert found(connection, 0, 31, None) == Counter({"a": keeping.MOST_RUNS * most})
    check_rollups(connection.execute)


def test_what_is_left_alone_is_merged_whole() -> None:
    """And then there is nothing due, until enough is added."""
    connection = database()
    sink = SqliteTallies(connection)
    select = "SELECT count(*) FROM rollups WHERE level = 0"
    for flush in range(1, 4):
        sink.apply(part(flush, [("post", text, 9, 5) for text in "abcd"]))
    while sink.keep():
        pass
    assert connection.execute(select).fetchone() == (3,)
    assert sink.keep(idle=True)
    assert not sink.keep(idle=True)
    assert connection.execute(select).fetchone() == (1,)


def test_what_is_wrong_in_the_rollups_of_a_day_is_taken_back() -> None:
    """A repair leads to what the rows say, also where the runs have too much."""
    connection = database()
    sink = SqliteTallies(connection)
    sink.apply(part(1, [("post", "a", 9, 5), ("post", "b", 9, 1)]))
    connection.execute("UPDATE entity_days SET mentions = 2 WHERE mentions = 5")
    connection.execute("DELETE FROM entity_days WHERE mentions = 1")
    connection.execute("UPDATE rolled_days SET covered = 0")
    assert sink.keep()
    assert found(connection, 0, 31, None) == Counter({"a": 2})


def test_a_store_that_was_led_back_by_another_build_begins_anew() -> None:
    """It drops the tables that it knows, and with them the triggers: that is noticed."""
    connection = database()
    SqliteTallies(connection).apply(part(1, [("post", "a", 9, 5)]))
    for table in ("publication_days", "entity_days"):
        connection.execute(f"DROP TABLE {table}")
    for statement in sqlite_schema.DAY_TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO publication_days VALUES (1, 9, 0, 0)")
    connection.execute("INSERT INTO entity_days VALUES (9, 1, 1, 1, 2, 1)")
    sink = SqliteTallies(connection)
    assert found(connection, 0, 31, None) == Counter({"a": 2})
    assert sink.keep()
    assert found(connection, 0, 31, None) == Counter({"a": 2})
    check_rollups(connection.execute)


def test_the_older_form_has_none() -> None:
    """They go with the days, and come with them."""
    connection = database()
    SqliteTallies(connection).apply(part(1, [("post", "a", 9, 5)]))
    assert convert(connection, SPELT, drop_days=True)
    assert not SqliteTallies(connection).keep()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not tables.intersection({*rollups.TABLES, *words.TABLES})
    assert convert(connection, NUMBERED)
    SqliteTallies(connection).apply(part(2, [("post", "a", 9, 5)]))
    assert found(connection, 0, 31, None) == Counter({"a": 5})


def test_a_question_reads_no_more_than_it_may() -> None:
    """Where it would, it is refused, and not slow."""
    connection = database()
    SqliteTallies(connection).apply(part(1, [("post", text, 9, 5) for text in "abcd"]))
    assert len(sums_between(connection, 0, 31, limit=4).entities) == 4
    with pytest.raises(TooMuchError):
        sums_between(connection, 0, 31, limit=3)
