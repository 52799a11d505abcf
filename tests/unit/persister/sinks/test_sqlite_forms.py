"""The two forms of the embedded sink's file: alike to readers, and led from one to the other."""

import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_persister.sinks import sqlite_numbered
from newstally_persister.sinks.base import EntityTally, PageLimits, PublicationTally, SinkError
from newstally_persister.sinks.sqlite_schema import NUMBERED, SPELT
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sinks.sqlite_upgrade import convert
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from unit.persister.building import (
    EVERYTHING,
    SimulatedCrashError,
    database,
    sink_tallies,
    spelt_database,
)

Entities = Sequence[tuple[str, str, str, int]]
"""(publication, text, label, mentions)"""
ENTITIES = st.lists(
    st.tuples(
        st.sampled_from(["post", "times", "cafe\u0301"]),
        st.text("abcä", min_size=1, max_size=3),
        st.sampled_from(["ORG", "PERSON", "A"]),
        st.integers(1, 3),
    ),
    unique_by=lambda row: row[:3],
    max_size=60,
)


def part(flush: int, entities: Entities) -> Part:
    """Return a part 1 with these entities, an article each."""
    keys = sorted({key for key, *_ in entities})
    publications = [
        PublicationRow(key, key.title(), sum(e[3] for e in entities if e[0] == key), len(entities))
        for key in keys
    ]
    rows = [EntityRow(*row, 1) for row in sorted(entities)]
    return Part("j", flush, 1, digest(publications, rows), publications, rows)


def walk(
    sink: SqliteTallies, items: int, label: str
) -> list[tuple[PublicationTally, list[EntityTally]]]:
    """Read everything in pages of so many."""
    limits = PageLimits(items, 10**6)
    publications: list[PublicationTally] = []
    more = True
    while more:
        last = publications[-1] if publications else None
        page = sink.list_publications(limits, last and (last.mentions, last.key))
        publications += page.items
        more = page.more
    found = []
    for publication in publications:
        entities: list[EntityTally] = []
        more = True
        while more:
            after = entities and entities[-1]
            listed = sink.list_entity_tallies(
                publication.key,
                label,
                limits,
                (after.mentions, after.text, after.label) if after else None,
            )
            entities += listed.items
            more = listed.more
        found.append((publication, entities))
    return found


@pytest.mark.parametrize("sorted_at_most", [0, 5_000])
@settings(max_examples=60, deadline=None)
@given(entities=ENTITIES, items=st.integers(1, 7), label=st.sampled_from(["", "ORG", "none"]))
def test_both_forms_list_the_same(
    sorted_at_most: int, entities: Entities, items: int, label: str
) -> None:
    """In the same order, page by page, whichever way a rank's first texts are found."""
    entities = [row for row in entities if row[0].isascii()]  # the others' keys differ: see below
    connections = [spelt_database(), database()]
    before, sqlite_numbered.SORTED_AT_MOST = sqlite_numbered.SORTED_AT_MOST, sorted_at_most
    try:
        spelt, numbered = (SqliteTallies(connection) for connection in connections)
        for sink in (spelt, numbered):
            sink.apply(part(1, entities))
            sink.apply(part(2, entities[::2]))
        assert walk(numbered, items, label) == walk(spelt, items, label)
    finally:
        sqlite_numbered.SORTED_AT_MOST = before
        for connection in connections:
            connection.close()


@settings(max_examples=40, deadline=None)
@given(entities=ENTITIES, at_a_time=st.integers(1, 9), crashes=st.lists(st.integers(1, 40)))
def test_an_upgrade_keeps_every_tally_wherever_it_is_broken_off(
    entities: Entities, at_a_time: int, crashes: list[int]
) -> None:
    """Killed at any statement, run again, and taken back: row by row the same."""
    connection = spelt_database()
    sink = SqliteTallies(connection)
    sink.apply(part(1, entities))
    before = sink_tallies(sink)
    plain = all(row[0].isascii() for row in entities)
    for target in (NUMBERED, SPELT, NUMBERED):
        for crash in [*crashes, None]:
            connection.crash_after(crash)
            try:
                convert(connection, target, rows_at_a_time=at_a_time)
            except SimulatedCrashError:
                connection.crash_after(None)
                if connection.in_transaction:
                    connection.rollback()
        assert connection.execute("PRAGMA user_version").fetchone() == (target,)
        found = sink_tallies(SqliteTallies(connection))
        assert sum(found.values()) == sum(before.values())
        if plain:
            assert found == before
        assert SqliteTallies(connection).apply(part(1, entities)) is False
    tables = {
        name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE sql NOT NULL")
    }
    assert "conversion" not in tables
    assert "entities" not in tables
    connection.close()


def test_what_is_applied_between_two_runs_is_not_lost() -> None:
    """An upgrade that was broken off begins again when the file went on meanwhile."""
    connection = spelt_database()
    sink = SqliteTallies(connection)
    sink.apply(part(1, [("post", text, "P", 1) for text in "abcdef"]))

    def stop(copied: int) -> None:
        if copied >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(connection, NUMBERED, stop, rows_at_a_time=2)
    assert connection.execute("SELECT count(*) FROM entity_tallies").fetchone()[0] > 0
    sink = SqliteTallies(connection)
    sink.apply(part(2, [("post", "a", "P", 5), ("times", "z", "P", 1)]))
    expected = sink_tallies(sink)
    assert convert(connection, NUMBERED, rows_at_a_time=2)
    assert sink_tallies(SqliteTallies(connection)) == expected
    assert not convert(connection, NUMBERED)


def test_spellings_that_are_one_publication_are_merged() -> None:
    """0.2.0 told them apart; the new form counts them together, under any of their keys."""
    connection = spelt_database()
    SqliteTallies(connection).apply(
        part(
            1,
            [
                ("cafe\u0301", "x", "P", 1),
                ("caf\u00e9", "x", "P", 2),
                ("caf\u00e9\u200b", "y", "P", 4),
            ],
        )
    )
    convert(connection, NUMBERED)
    sink = SqliteTallies(connection)
    (publication,) = sink.list_publications(EVERYTHING, None).items
    assert (publication.key, publication.mentions, publication.articles) == ("caf\u00e9", 7, 9)
    for key in ("cafe\u0301", "caf\u00e9", "caf\u00e9\u200b"):
        found = sink.list_entity_tallies(key, "", EVERYTHING, None).items
        assert found == [EntityTally("y", "P", 4, 1), EntityTally("x", "P", 3, 2)]
    sink.apply(part(2, [("cafe\u0301", "y", "P", 1)]))
    assert sink.list_entity_tallies("caf\u00e9", "", EVERYTHING, None).items[0].mentions == 5


def test_an_entity_before_its_publication_waits_for_its_name() -> None:
    """A publication is listed, and called by its name, once its own row has come."""
    sink = SqliteTallies(database())
    only = [EntityRow("post", "x", "P", 1, 1)]
    sink.apply(Part("j", 1, 1, "d", [], only))
    assert sink.list_publications(EVERYTHING, None).items == []
    sink.apply(Part("j", 1, 2, "d", [PublicationRow("post", "Post", 1, 1)], []))
    assert sink.list_publications(EVERYTHING, None).items == [
        PublicationTally("post", "Post", 1, 1)
    ]


def test_an_unknown_version_is_left_alone() -> None:
    """What a newer release wrote is not converted."""
    connection = database()
    connection.execute("PRAGMA user_version = 9")
    with pytest.raises(SinkError, match="schema version 9"):
        convert(connection, NUMBERED)


def test_the_dictionary_holds_each_text_once() -> None:
    """A long name or text takes its room once, not in every row of every publication."""
    connection = database()
    sink = SqliteTallies(connection)
    for flush in range(1, 21):
        sink.apply(
            part(flush, [(f"{flush} {'p' * 400}", f"{n} {'x' * 400}", "P", 1) for n in range(50)])
        )
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    texts = 20 * 400 + 50 * 400
    assert pages * 4096 < 10 * texts + 200_000
    assert isinstance(connection, sqlite3.Connection)


def test_indexes_of_earlier_builds_are_replaced() -> None:
    """Each would cost every tally that is added, and no list asks for them any more."""
    connection = database()
    SqliteTallies(connection)
    connection.execute("DROP INDEX entity_tallies_most")
    connection.execute("CREATE INDEX entity_tallies_ranked ON entity_tallies (publication)")
    sink = SqliteTallies(connection)
    indexes = connection.execute(
        "SELECT name FROM sqlite_master WHERE tbl_name = 'entity_tallies' AND sql LIKE '%INDEX%'"
    )
    assert indexes.fetchall() == [("entity_tallies_most",)]
    sink.apply(part(1, [("post", "x", "P", 2)]))
    assert [
        each.text for each in sink.list_entity_tallies("post", "P", EVERYTHING, None).items
    ] == ["x"]
