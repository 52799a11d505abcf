"""Brings a file of tallies from one form to the other, and back.

The new tables are filled beside the old ones, some rows at a time, each time together with the
position reached; the last transaction drops the old ones. Until then the file is what it was: any
release goes on with it, and a run that is broken off goes on where it was, or begins again when
something was applied to the file meanwhile.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.derived import rollups, words
from newstally_persister.sinks.sqlite_numbered import NumberedRows
from newstally_persister.sinks.sqlite_rows import Rows
from newstally_persister.sinks.sqlite_schema import (
    DAY_TABLES,
    NUMBERED,
    NUMBERED_TABLES,
    SPELT,
    SPELT_TABLES,
    add_names,
    derive,
)
from newstally_persister.sinks.sqlite_spelt import SpeltRows
from newstally_persister.sqlite.transactions import transaction
from newstally_persister.values.parts import EntityRow, Part, PublicationRow

ROWS_AT_A_TIME = 20_000

_TABLES = {
    SPELT: ("publications", "entities"),
    NUMBERED: (
        *rollups.TABLES,
        *words.TABLES,
        "entity_days",
        "publication_days",
        "entity_tallies",
        "entity_names",
        "labels",
        "publication_tallies",
    ),
}
_MADE = {SPELT: SPELT_TABLES, NUMBERED: (*NUMBERED_TABLES, *DAY_TABLES)}
_PUBLICATIONS = {
    SPELT: "SELECT key, key, name, mentions, articles FROM publications WHERE key > ? "
    "ORDER BY key LIMIT ?",
    NUMBERED: "SELECT publication, key, name, mentions, articles FROM publication_tallies "
    "WHERE publication > ? ORDER BY publication LIMIT ?",
}
_ENTITIES = {
    SPELT: "SELECT publication_key, text, label, publication_key, text, label, mentions, articles, "
    "name FROM entities WHERE (publication_key, text, label) > (?, ?, ?) "
    "ORDER BY publication_key, text, label LIMIT ?",
    NUMBERED: "SELECT t.publication, t.entity, 0, p.key, n.text, n.label, t.mentions, t.articles, "
    "n.display "
    "FROM entity_tallies t JOIN publication_tallies p USING (publication) "
    "JOIN entity_names n USING (entity) WHERE (t.publication, t.entity, 0) > (?, ?, ?) "
    "ORDER BY t.publication, t.entity LIMIT ?",
}
_FIRST: dict[int, Any] = {SPELT: "", NUMBERED: 0}
_SUMS = {
    SPELT: "SELECT (SELECT total(mentions) FROM publications), "
    "(SELECT total(articles) FROM publications), (SELECT total(mentions) FROM entities), "
    "(SELECT total(articles) FROM entities)",
    NUMBERED: "SELECT (SELECT total(mentions) FROM publication_tallies), "
    "(SELECT total(articles) FROM publication_tallies), "
    "(SELECT total(mentions) FROM entity_tallies), (SELECT total(articles) FROM entity_tallies)",
}


def convert(
    connection: sqlite3.Connection,
    target: int,
    on_progress: Callable[[int], None] = lambda _: None,
    rows_at_a_time: int = ROWS_AT_A_TIME,
    *,
    drop_days: bool = False,
) -> bool:
    """Bring the file to the schema version; return False when it has it already.

    `on_progress` is told how many rows were copied by this run. Raises SinkError when the copy is
    not what was copied, PermanentSinkError where days would be lost and `drop_days` is not said,
    and sqlite3.Error; the file is then what it was.
    """
    (source,) = connection.execute("PRAGMA user_version").fetchone()
    if source == target:
        return False
    if {source, target} != {SPELT, NUMBERED}:
        raise SinkError(f"the tallies have schema version {source}: nothing leads to {target}")
    with transaction(connection):
        if source == NUMBERED and not drop_days:
            _check_days(connection)
        _begin(connection, source, target)
    copied = 0
    while True:
        with transaction(connection):
            number = _copy(connection, source, target, rows_at_a_time)
        if not number:
            break
        copied += number
        on_progress(copied)
    with transaction(connection):
        _finish(connection, source, target)
    return True


def _check_days(connection: sqlite3.Connection) -> None:
    (days,) = connection.execute("SELECT count(DISTINCT day) FROM publication_days").fetchone()
    if days:
        raise PermanentSinkError(
            f"the tallies of {days:,} days would be lost, because 0.2.0 knows none: their articles "
            "would count under no day",
            "say --drop-days if that is meant",
        )


def _begin(connection: sqlite3.Connection, source: int, target: int) -> None:
    """Make the new tables; those of a run that was broken off stay if nothing was applied since."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS conversion (seen TEXT, step INTEGER, position TEXT)"
    )
    if source == SPELT:
        add_names(connection)
    seen = _seen(connection, target)
    row = connection.execute("SELECT seen FROM conversion").fetchone()
    if row is not None and row[0] == seen:
        return
    for table in _TABLES[target]:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _MADE[target]:
        connection.execute(statement)
    if target == SPELT:
        add_names(connection)
    else:
        derive(connection)
    connection.execute("DELETE FROM conversion")
    position = json.dumps([_FIRST[source]])
    connection.execute("INSERT INTO conversion VALUES (?, 0, ?)", (seen, position))


def _seen(connection: sqlite3.Connection, target: int) -> str:
    """Tell the file as it is from any other time: every part that is applied leaves a receipt."""
    books = [
        connection.execute("SELECT * FROM marks ORDER BY journal_id").fetchall(),
        connection.execute(
            "SELECT journal_id, flush, part FROM receipts ORDER BY 1, 2, 3"
        ).fetchall(),
        target,
    ]
    return hashlib.sha256(json.dumps(books).encode()).hexdigest()


def _copy(connection: sqlite3.Connection, source: int, target: int, limit: int) -> int:
    """Copy the next rows; return how many, 0 at the end."""
    step, encoded = connection.execute("SELECT step, position FROM conversion").fetchone()
    position = json.loads(encoded)
    if step == 0:
        found = connection.execute(_PUBLICATIONS[source], (*position, limit)).fetchall()
        _rows(connection, target).add(_part([PublicationRow(*row[1:]) for row in found], []))
        position = [found[-1][0]] if found else [_FIRST[source]] * 3
        step = 0 if found else 1
    if step == 1 and len(position) == 3:
        found = connection.execute(_ENTITIES[source], (*position, limit)).fetchall()
        _rows(connection, target).add(_part([], [EntityRow(*row[3:]) for row in found]))
        position = list(found[-1][:3]) if found else position
    connection.execute("UPDATE conversion SET step = ?, position = ?", (step, json.dumps(position)))
    return len(found)


def _finish(connection: sqlite3.Connection, source: int, target: int) -> None:
    sums = [connection.execute(_SUMS[version]).fetchone() for version in (source, target)]
    if sums[0] != sums[1]:
        raise SinkError(f"the copy has other sums than the tallies: {sums[1]} and {sums[0]}")
    for table in (*_TABLES[source], "conversion"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"PRAGMA user_version = {target}")


def _rows(connection: sqlite3.Connection, version: int) -> Rows:
    return SpeltRows(connection) if version == SPELT else NumberedRows(connection)


def _part(publications: list[PublicationRow], entities: list[EntityRow]) -> Part:
    return Part("", 0, 0, "", publications, entities)
