"""The numbers of entities that the embedded sink remembers are those that the file has."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.derived.numbers import EntityNumbers
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sqlite.transactions import transaction
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from unit.persister.building import database, sink_tallies

TOO_MANY = 2**63 - 1
"""Mentions to which none can be added."""

names = st.sampled_from([None, "", "AB", "Ab", "aB", "ab"])
entity_rows = st.builds(
    EntityRow,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["X", "Y"]),
    st.just(1),
    st.just(1),
    names,
)


def part(flush: int, *entities: tuple[str, int]) -> Part:
    """Return a part with entities of one publication: (text, mentions)."""
    publications = [PublicationRow("post", "Post", 1, 1)]
    rows = [EntityRow("post", text, "P", mentions, 1, text.title()) for text, mentions in entities]
    return Part("j", flush, 1, digest(publications, rows), publications, rows)


def mentions(sink: SqliteTallies) -> dict[str, int]:
    return {
        text: count
        for (_, text, _, kind), count in sink_tallies(sink).items()
        if text and kind == "mentions"
    }


def stored(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[int, str | None]]:
    found = connection.execute("SELECT text, label, entity, display FROM entity_names")
    return {(text, label): (number, shown) for text, label, number, shown in found}


@given(
    parts=st.lists(
        st.tuples(st.lists(entity_rows, max_size=8), st.sampled_from(["", "fail", "full"])),
        max_size=8,
    )
)
def test_they_are_those_of_a_sink_that_remembers_nothing(
    parts: list[tuple[list[EntityRow], str]],
) -> None:
    """Whatever came before, what failed, and when all was forgotten."""
    connection, plain = database(), database()
    for each in (connection, plain):
        for statement in sqlite_schema.NUMBERED_TABLES:
            each.execute(statement)
    numbers = EntityNumbers(connection)
    for rows, happens in parts:
        if happens == "full":
            numbers = EntityNumbers(connection, limit_bytes=0)
        connection.execute("BEGIN IMMEDIATE")
        found = numbers.of(rows)
        if happens == "fail":
            connection.execute("ROLLBACK")
            numbers.forget()
            continue
        connection.execute("COMMIT")
        with transaction(plain):
            EntityNumbers(plain).of(rows)
        now = stored(connection)
        assert found == [now[row[1:3]][0] for row in rows]
        assert {entity: shown or None for entity, (_, shown) in now.items()} == {
            entity: shown or None for entity, (_, shown) in stored(plain).items()
        }


def test_numbers_of_a_part_that_is_refused_are_not_kept() -> None:
    """Its rows are rolled back, and the same names come again in other parts with other numbers."""
    sink = SqliteTallies(database())
    sink.apply(part(1, ("old", TOO_MANY)))
    with pytest.raises(sqlite3.Error):
        sink.apply(part(2, ("new", 1), ("newer", 1), ("old", 1)))
    sink.apply(part(2, ("other", 2), ("newer", 3)))
    sink.apply(part(3, ("new", 4), ("newer", 5)))
    assert mentions(sink) == {"old": TOO_MANY, "other": 2, "newer": 8, "new": 4}


def test_numbers_of_a_commit_that_fails_are_not_kept(tmp_path: Path) -> None:
    """As on a full disk: the transaction ends with its last statement."""
    connection = sqlite_schema.connect(tmp_path / "tallies.db")
    sink = SqliteTallies(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE children (id REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
    )
    connection.execute(
        "CREATE TRIGGER orphan AFTER INSERT ON receipts WHEN new.flush = 2 "
        "BEGIN INSERT INTO children VALUES (1); END"
    )
    sink.apply(part(1, ("old", 1)))
    with pytest.raises(sqlite3.IntegrityError):
        sink.apply(part(2, ("new", 1), ("newer", 1)))
    connection.execute("DROP TRIGGER orphan")
    sink.apply(part(2, ("other", 2), ("newer", 3)))
    sink.apply(part(3, ("new", 4), ("newer", 5)))
    assert mentions(sink) == {"old": 1, "other": 2, "newer": 8, "new": 4}
    sink.close()


def test_numbers_are_looked_up_again_when_somebody_else_wrote(tmp_path: Path) -> None:
    """Another connection may have taken the names away and given their numbers to others."""
    path = tmp_path / "tallies.db"
    sink = SqliteTallies(sqlite_schema.connect(path))
    sink.apply(part(1, ("one", 1), ("two", 1)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE entity_names SET text = iif(text = 'one', 'x', 'one')")
    other.execute("UPDATE entity_names SET text = 'two' WHERE text = 'x'")
    other.close()
    sink.apply(part(2, ("one", 10)))
    assert mentions(sink) == {"one": 11, "two": 1}
    sink.close()
