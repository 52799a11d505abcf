"""Rows that the sink would not have. Each function runs in its caller's transaction.

They wait here until somebody lets them be tried again. What comes for them meanwhile is added when
a flush is cut, so that no part holds such a row.
"""

import sqlite3

from newstally_protos.spellings import BETTER_SQL

from newstally_persister.journal.tables import days, pending
from newstally_persister.values.parts import EntityRow, Row
from newstally_persister.values.voids import SetAsideRow

LIMIT = 100
"""More are not set aside: then it is not the rows that are at fault."""

_BETTER = BETTER_SQL.format(old="name", new="excluded.name")
_BETTER_ARGUMENT = BETTER_SQL.format(old="name", new="?3")


def count(connection: sqlite3.Connection) -> int:
    """Return how many there are."""
    return int(connection.execute("SELECT count(*) FROM set_aside").fetchone()[0])


def rows(connection: sqlite3.Connection) -> list[SetAsideRow]:
    """Return all of them, by key."""
    found = connection.execute(
        "SELECT publication_key, publications.name, text, label, mentions, articles, reason "
        "FROM set_aside JOIN publications ON key = publication_key "
        "ORDER BY publication_key, text, label"
    )
    return [SetAsideRow(*row) for row in found]


def add(connection: sqlite3.Connection, row: Row, reason: str) -> SetAsideRow:
    """Set a row aside; one that is aside already has what came since added.

    That comes when the release before has cut the flush, which takes no such row out of it.
    """
    key = pending.key(row)
    days.set_aside(connection, key, row.days)
    connection.execute(
        "INSERT INTO set_aside (publication_key, text, label, mentions, articles, name, reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET mentions = mentions + excluded.mentions, "
        f"articles = articles + excluded.articles, name = {_BETTER}, reason = excluded.reason",
        (
            *key,
            row.mentions,
            row.articles,
            row.name if isinstance(row, EntityRow) else None,
            reason,
        ),
    )
    return next(found for found in rows(connection) if _key(found) == key)


def collect(connection: sqlite3.Connection, flush: int) -> None:
    """Take out of a flush what came for rows that are set aside."""
    for row in rows(connection):
        key = _key(row)
        came = pending.take(connection, flush, key)
        if came is None:
            continue
        name = came.name if isinstance(came, EntityRow) else None
        connection.execute(
            "UPDATE set_aside SET mentions = mentions + ?1, articles = articles + ?2, "
            f"name = {_BETTER_ARGUMENT} WHERE publication_key = ?4 AND text = ?5 AND label = ?6",
            (came.mentions, came.articles, name, *key),
        )
        days.set_aside(connection, key, came.days)


def retry(connection: sqlite3.Connection) -> int:
    """Put all of them back among the rows that wait for the next flush; return how many."""
    connection.execute(
        "INSERT INTO pending (flush, publication_key, text, label, mentions, articles, name) "
        "SELECT last_flush + 1, publication_key, text, label, mentions, articles, name "
        "FROM set_aside JOIN meta WHERE true "
        "ON CONFLICT DO UPDATE SET mentions = mentions + excluded.mentions, "
        f"articles = articles + excluded.articles, name = {_BETTER}"
    )
    days.retry(connection)
    return connection.execute("DELETE FROM set_aside").rowcount


def _key(row: SetAsideRow) -> days.Key:
    return row.publication_key, row.text, row.label
