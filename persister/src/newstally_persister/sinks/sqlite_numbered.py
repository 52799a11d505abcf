"""Tallies by numbers: a text stands in the file twice, however many rows speak of it.

Among entities with equally many mentions the order is that of their texts, which the rows do not
have. So a page takes wholly the numbers of mentions that it covers, and of the one that it ends or
begins in the first texts: by sorting that one's rows when they are few, and otherwise by walking
all entities in the order of their texts until enough of them have so many mentions.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    PublicationUnknownError,
)
from newstally_persister.sinks.derived import rollups
from newstally_persister.sinks.derived.entries import DayRow
from newstally_persister.sinks.derived.numbers import EntityNumbers
from newstally_persister.sinks.sqlite_rows import ABOVE_ALL, ADD, entities_page, publications_page
from newstally_persister.sqlite.upserts import Upsert
from newstally_persister.values.keys import publication_key as normal_key
from newstally_persister.values.parts import Part, PublicationRow

SORTED_AT_MOST = 5_000
"""Rows with equally many mentions that are sorted without a thought."""

_Row = tuple[str, str, int, int, str]
"""(text, label, mentions, articles, name)."""
# CROSS JOIN keeps the order in which the tables are named. What `t` is asked for is in the index.
_MOST = "entity_tallies t INDEXED BY entity_tallies_most"
_JOINED = (
    "SELECT n.text, n.label, r.mentions, r.articles, coalesce(n.display, '') "
    f"FROM {_MOST} CROSS JOIN entity_tallies r ON r.publication = t.publication "
    "AND r.entity = t.entity CROSS JOIN entity_names n ON n.entity = t.entity"
)
_WALKED = (
    "SELECT n.text, n.label, t.mentions, t.articles, coalesce(n.display, '') "
    "FROM entity_names n INDEXED BY "
    "sqlite_autoindex_entity_names_1 CROSS JOIN entity_tallies t ON t.entity = n.entity"
)
_ADD_PUBLICATION_DAY = (
    "INSERT INTO publication_days (publication, day, mentions, articles) "
    f"VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET {ADD}"
)
_TALLIES = Upsert(
    "entity_tallies",
    ("publication", "entity", "label", "mentions", "articles"),
    f"DO UPDATE SET {ADD}",
)
_DAYS = Upsert(
    "entity_days",
    ("day", "publication", "entity", "label", "mentions", "articles"),
    f"DO UPDATE SET {ADD}",
)


class NumberedRows:
    """Rows of schema version 2."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers = EntityNumbers(connection)

    def add(self, part: Part) -> None:
        """See Rows. Keys of an older form are counted with the publication that they name."""
        execute = self._connection.executemany
        execute(
            "INSERT INTO publication_tallies (key, name, mentions, articles) VALUES (?, ?, ?, ?) "
            # Without articles it was made below, for entities that came first, and has no name.
            "ON CONFLICT DO UPDATE SET name = iif(articles, name, excluded.name), " + ADD,
            [(normal_key(row.key), *row[1:4]) for row in part.publications],
        )
        publications = {
            key: self._publication(key)
            for key in {e.publication_key for e in part.entities}
            | {p.key for p in part.publications if p.days}
        }
        labels = {label: self._label(label) for label in {e.label for e in part.entities}}
        entities = self._numbers.of(part.entities)
        rows: list[tuple[int, int, int, int, int]] = []
        of_days: list[DayRow] = []
        for row, entity in zip(part.entities, entities, strict=True):
            key, _, label, mentions, articles, _, days = row
            publication, number = publications[key], labels[label]
            rows.append((publication, entity, number, mentions, articles))
            for day, of_mentions, of_articles in days:
                of_days.append((day, publication, entity, number, of_mentions, of_articles))
        rows.sort()  # neighbours share pages
        _TALLIES.run(self._connection, rows)
        of_days.sort()
        self._add_days(part.publications, publications, of_days)

    def forget(self) -> None:
        """See Rows."""
        self._numbers.forget()

    def _add_days(
        self,
        totals: Sequence[PublicationRow],
        publications: Mapping[str, int],
        rows: Sequence[DayRow],
    ) -> None:
        """Add what was published on which day, by the numbers of all that has one."""
        # Each day of an entity is known of its publication, whose own row may be in another part.
        changed: dict[tuple[int, int], tuple[int, int]] = dict.fromkeys(
            [(publication, day) for day, publication, _, _, _, _ in rows], (0, 0)
        )
        for row in totals:
            for day, mentions, articles in row.days:
                place = (publications[row.key], day)
                before = changed.get(place, (0, 0))
                changed[place] = (before[0] + mentions, before[1] + articles)
        self._connection.executemany(
            _ADD_PUBLICATION_DAY, [(*place, *changed[place]) for place in sorted(changed)]
        )
        _DAYS.run(self._connection, rows)
        rollups.add(self._connection, rows, Counter(day for _, day in changed))

    def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Rows."""
        mentions, key = after or (ABOVE_ALL, "")
        found = self._connection.execute(
            "SELECT key, name, mentions, articles FROM publication_tallies "
            "WHERE (rank, key) > (?, ?) AND articles > 0 ORDER BY rank, key LIMIT ?",
            (-mentions, key, limits.items + 1),
        )
        return publications_page(found, limits)

    def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Rows."""
        row = self._connection.execute(
            "SELECT publication FROM publication_tallies WHERE key = ? AND articles > 0",
            (normal_key(publication_key),),
        ).fetchone()
        if row is None:
            raise PublicationUnknownError
        wanted = self._connection.execute("SELECT label FROM labels WHERE name = ?", (label,))
        number = next(iter(wanted.fetchone() or ()), None)
        if label and number is None:
            return Page([], more=False)
        chosen = _Chosen(self._connection, row[0], number)
        return entities_page(chosen.rows(limits.items + 1, after), limits)

    def _publication(self, key: str) -> int:
        normal = normal_key(key)
        self._connection.execute(
            "INSERT INTO publication_tallies (key, name, mentions, articles) VALUES (?, ?, 0, 0) "
            "ON CONFLICT DO NOTHING",
            (normal, normal),
        )
        return self._number("SELECT publication FROM publication_tallies WHERE key = ?", normal)

    def _label(self, name: str) -> int:
        self._connection.execute(
            "INSERT INTO labels (name) VALUES (?) ON CONFLICT DO NOTHING", (name,)
        )
        return self._number("SELECT label FROM labels WHERE name = ?", name)

    def _number(self, query: str, text: str) -> int:
        return int(self._connection.execute(query, (text,)).fetchone()[0])


class _Chosen:
    """The entities of one publication, of any label or of one."""

    def __init__(self, connection: sqlite3.Connection, publication: int, label: int | None) -> None:
        self._execute = connection.execute
        self._where = "t.publication = ?" if label is None else "t.publication = ? AND t.label = ?"
        self._of: tuple[int, ...] = (publication,) if label is None else (publication, label)

    def rows(self, number: int, after: EntityPosition | None) -> list[_Row]:
        """Return that many, in the order of the list."""
        mentions, text, label = after or (ABOVE_ALL, "", "")
        found = [] if after is None else self._with(mentions, number, (text, label))
        if (left := number - len(found)) <= 0:
            return found
        last = self._execute(
            f"SELECT min(mentions) FROM (SELECT mentions FROM {_MOST} WHERE {self._where} "
            "AND t.mentions < ? ORDER BY t.mentions DESC LIMIT ?)",
            (*self._of, mentions, left),
        ).fetchone()[0]
        if last is None:
            return found
        found += self._execute(
            f"{_JOINED} WHERE {self._where} AND t.mentions < ? AND t.mentions > ? "
            "ORDER BY t.mentions DESC, n.text, n.label",
            (*self._of, mentions, last),
        ).fetchall()
        return found + self._with(last, number - len(found), ("", ""))

    def _with(self, mentions: int, number: int, after: tuple[str, str]) -> list[_Row]:
        """Return so many with equally many mentions after a position, by text and label."""
        found: Iterable[_Row] = self._execute(
            f"{_WALKED if self._is_walked(mentions, number) else _JOINED} "
            f"WHERE {self._where} AND t.mentions = ? AND (n.text, n.label) > (?, ?) "
            "ORDER BY n.text, n.label LIMIT ?",
            (*self._of, mentions, *after, number),
        )
        return list(found)

    def _is_walked(self, mentions: int, number: int) -> bool:
        (size,) = self._execute(
            f"SELECT count(*) FROM {_MOST} WHERE {self._where} AND t.mentions = ?",
            (*self._of, mentions),
        ).fetchone()
        if size <= SORTED_AT_MOST:
            return False
        (entities,) = self._execute("SELECT max(entity) FROM entity_names").fetchone()
        # Of so many entities passed by, one in `entities / size` has as many.
        return bool(number * entities < size * size)
