"""Which rows a question to the embedded sink is about, and how much it may read."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from newstally_persister.sinks.base import EntityTally, PublicationUnknownError
from newstally_persister.sinks.derived import rollups
from newstally_persister.sinks.questions.asked import (
    Days,
    EntityUnknownError,
    Name,
    Period,
    UnansweredError,
)
from newstally_persister.values.keys import publication_key

STEPS_LIMIT = 40_000_000
"""Steps of SQLite's machine that one question may take: about a second, or two million rows."""
_LOOK_EVERY = 1_000_000
FIRST_DAY, LAST_DAY = -(2**31), 2**31
"""Beyond any day."""
REMEDY = (
    "this would read too much of the store: ask for fewer days, for one publication, for a smaller"
    " page, or for a longer beginning"
)


@contextmanager
def bounded(connection: sqlite3.Connection, steps: int) -> Iterator[None]:
    """Run a question. Raises UnansweredError once it has taken so many steps."""
    left = max(1, steps // _LOOK_EVERY)

    def look() -> int:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(look, min(_LOOK_EVERY, steps))
    try:
        yield
    except sqlite3.OperationalError as error:
        if left < 0 and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_INTERRUPT:
            raise UnansweredError(REMEDY) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


class Scope:
    """One publication, or all of them."""

    def __init__(self, connection: sqlite3.Connection, key: str | None) -> None:
        """Raises PublicationUnknownError."""
        self.connection = connection
        self._execute = connection.execute
        self.publication: int | None = None
        if key is not None:
            row = self._execute(
                "SELECT publication FROM publication_tallies WHERE key = ? AND articles > 0",
                (publication_key(key),),
            ).fetchone()
            if row is None:
                raise PublicationUnknownError
            self.publication = row[0]

    def rows(self, days: str) -> str:
        """Return the FROM and WHERE for rows of `entity_days e` within days.

        `days` names the two parameters of the days, ":first AND :last"; `:publication` is in
        `parameters`.
        """
        if self.publication is None:
            return f"entity_days e WHERE e.day BETWEEN {days}"
        # The days one by one: the rows of one publication are in a range per day.
        return (
            "publication_days d CROSS JOIN entity_days e "
            "ON e.day = d.day AND e.publication = d.publication "
            f"WHERE d.publication = :publication AND d.day BETWEEN {days}"
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """What `rows` and `of` need."""
        return {"publication": self.publication}

    def of(self, table: str) -> str:
        """Return the condition on a table's publication."""
        return "" if self.publication is None else f"AND {table}.publication = :publication "

    def articles(self, days: Days | Period) -> int:
        """Return how many articles were counted within the days."""
        if isinstance(days, Days) and days.all:
            query = f"SELECT total(articles) FROM publication_tallies p WHERE 1 {self.of('p')}"
        elif self.publication is None:
            return rollups.articles_between(self.connection, *span(days))
        else:
            query = (
                "SELECT total(articles) FROM publication_days p "
                f"WHERE day BETWEEN :first AND :last {self.of('p')}"
            )
        found = self._execute(query, {**self.parameters, **ends(days)}).fetchone()
        return int(found[0])

    def latest(self, last: int) -> int | None:
        """Return the last day with articles that is not after `last`."""
        if self.publication is None:
            return rollups.latest_day(self.connection, last)
        found = self._execute(
            "SELECT max(day) FROM publication_days p "
            f"WHERE day <= :last AND articles > 0 {self.of('p')}",
            {**self.parameters, "last": last},
        ).fetchone()
        return None if found[0] is None else int(found[0])

    def entity(self, name: Name) -> tuple[int, EntityTally]:
        """Return the number of an entity, and all its mentions. Raises EntityUnknownError."""
        found = self._execute(
            "SELECT n.entity, n.text, n.label, sum(t.mentions), sum(t.articles), "
            "coalesce(n.display, '') "
            "FROM entity_names n CROSS JOIN publication_tallies p CROSS JOIN entity_tallies t "
            "ON t.publication = p.publication AND t.entity = n.entity "
            f"WHERE n.text = :text AND (:label = '' OR n.label = :label) {self.of('p')}"
            "GROUP BY n.label ORDER BY sum(t.mentions) DESC, n.label LIMIT 1",
            {**self.parameters, "text": name.text, "label": name.label},
        ).fetchone()
        if found is None:
            raise EntityUnknownError
        return found[0], EntityTally(*found[1:])


def span(days: Days | Period) -> tuple[int, int]:
    """Return the first and the last day."""
    return (
        FIRST_DAY if days.first is None else days.first,
        LAST_DAY if days.last is None else days.last,
    )


def ends(days: Days | Period) -> dict[str, int]:
    """Return the parameters of a range of days."""
    return dict(zip(("first", "last"), span(days), strict=True))


def label_number(connection: sqlite3.Connection, label: str) -> int | None:
    """Return the number of a label; None: nothing has it."""
    found = connection.execute("SELECT label FROM labels WHERE name = ?", (label,)).fetchone()
    return None if found is None else int(found[0])
