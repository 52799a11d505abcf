"""Which number each entity has in tallies by numbers, and the best of its names.

What was found or given lately is remembered: most entities of a part were in one before. That is
what the file held when the last transaction ended. So it is forgotten when one fails, and when
another connection has written to the file.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain, count

from newstally_protos.spellings import better

from newstally_persister.sqlite.upserts import Upsert
from newstally_persister.values.parts import EntityRow

REMEMBERED_BYTES = 32 * 1024 * 1024
"""Memory for what is remembered; when it is more, all is forgotten before the next part."""
_ENTRY_BYTES = 450
"""Memory that an entity takes beside its texts: tuples, strings' heads, a place in a dict."""
_NAMES_PER_QUERY = 100
"""Entities whose numbers are asked for at a time."""
_NEW = Upsert("entity_names", ("entity", "text", "label", "display"), "(text, label) DO NOTHING")

Entity = tuple[str, str]
"""(text, label)."""
_Row = tuple[int, str, str, str | None]
"""(number, text, label, name)."""
_Known = tuple[int, str | None]
"""(number, name)."""


@cache
def _find(entities: int) -> str:
    """Return the query for those of so many entities that are there."""
    return (
        f"WITH wanted (t, l) AS (VALUES {','.join(['(?,?)'] * entities)}) "
        "SELECT entity, text, label, display FROM wanted CROSS JOIN entity_names "
        "ON text = t AND label = l"
    )


class EntityNumbers:
    """The numbers of entities. Each call runs in its caller's transaction."""

    def __init__(self, connection: sqlite3.Connection, limit_bytes: int = REMEMBERED_BYTES) -> None:
        self._connection = connection
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._version: int | None = None
        self._known: dict[Entity, _Known] = {}

    def of(self, rows: Sequence[EntityRow]) -> list[int]:
        """Return the number of each row's entity; keep the best name of each."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or self._bytes > self._limit_bytes:
            self.forget()
            self._version = version
        entities = [row[1:3] for row in rows]
        found = [*map(self._known.get, entities)]
        names: dict[Entity, str | None] = {}
        for entity, row, known in zip(entities, rows, found, strict=True):
            name = row[5]
            if known is not None and known[1] == name:
                continue
            before = names.setdefault(entity, name)
            if name and before != name:
                names[entity] = better(before or "", name)
        if names:
            unknown = sorted(names.keys() - self._known.keys())  # neighbours share pages
            if unknown:
                self._add(unknown, names)
            self._show(names)
        return [
            (known or self._known[entity])[0] for entity, known in zip(entities, found, strict=True)
        ]

    def forget(self) -> None:
        """Forget what was remembered."""
        self._version = None
        self._known = {}
        self._bytes = 0

    def _add(self, unknown: Sequence[Entity], names: Mapping[Entity, str | None]) -> None:
        """Give numbers to those that have none; remember the numbers of all."""
        (last,) = self._connection.execute("SELECT max(entity) FROM entity_names").fetchone()
        begin = (last or 0) + 1
        rows: list[_Row] = [
            (number, text, label, names[text, label])
            for number, (text, label) in zip(count(begin), unknown)
        ]
        before = self._connection.total_changes
        # Nearly all are new: asking first would take as long as this.
        _NEW.run(self._connection, rows)
        if self._connection.total_changes - before < len(rows):
            found = self._connection.execute(
                "SELECT entity FROM entity_names WHERE entity >= ?", (begin,)
            )
            new = {number for (number,) in found}
            self._look_up([row[1:3] for row in rows if row[0] not in new])
            rows = [row for row in rows if row[0] in new]
        self._remember(rows)

    def _look_up(self, entities: Sequence[Entity]) -> None:
        for start in range(0, len(entities), _NAMES_PER_QUERY):
            some = entities[start : start + _NAMES_PER_QUERY]
            found = self._connection.execute(_find(len(some)), [*chain.from_iterable(some)])
            self._remember(found.fetchall())

    def _remember(self, rows: Sequence[_Row]) -> None:
        self._known.update([((text, label), (number, name)) for number, text, label, name in rows])
        characters = sum([len(text) + len(name or "") for _, text, _, name in rows])
        self._bytes += _ENTRY_BYTES * len(rows) + 4 * characters  # a character takes at most four

    def _show(self, names: Mapping[Entity, str | None]) -> None:
        """Let entities be shown by these names where they are better."""
        renamed: list[tuple[str, int]] = []
        for entity, name in names.items():
            number, shown = self._known[entity]
            if name and name != shown and (best := better(shown or "", name)) != shown:
                renamed.append((best, number))
                self._known[entity] = number, best
        self._connection.executemany(
            "UPDATE entity_names SET display = ? WHERE entity = ?", renamed
        )
