"""Tallies as releases up to 0.2.0 wrote them: every row and index spells its publication out."""

import sqlite3

from newstally_protos.spellings import BETTER_SQL

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    PublicationUnknownError,
)
from newstally_persister.sinks.sqlite_rows import ABOVE_ALL, ADD, entities_page, publications_page
from newstally_persister.values.parts import Part

_NAME = BETTER_SQL.format(old="name", new="excluded.name")


class SpeltRows:
    """Rows of schema version 1. A store that there is keeps it until somebody upgrades it.

    They have no days: whatever is counted here is counted under none.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, part: Part) -> None:
        """See Rows."""
        self._connection.executemany(
            "INSERT INTO publications (key, name, mentions, articles) VALUES (?, ?, ?, ?) "
            f"ON CONFLICT DO UPDATE SET {ADD}",
            [row[:4] for row in part.publications],
        )
        self._connection.executemany(
            "INSERT INTO entities (publication_key, text, label, mentions, articles, name) "
            f"VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {ADD}, name = {_NAME}",
            [row[:6] for row in part.entities],
        )

    def forget(self) -> None:
        """See Rows. Nothing is known."""

    def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Rows."""
        mentions, key = after or (ABOVE_ALL, "")
        found = self._connection.execute(
            "SELECT key, name, mentions, articles FROM publications "
            "WHERE (rank, key) > (?, ?) ORDER BY rank, key LIMIT ?",
            (-mentions, key, limits.items + 1),
        )
        return publications_page(found, limits)

    def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Rows."""
        if not self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM publications WHERE key = ?)", (publication_key,)
        ).fetchone()[0]:
            raise PublicationUnknownError
        mentions, text, after_label = after or (ABOVE_ALL, "", "")
        found = (
            self._connection.execute(
                "SELECT text, label, mentions, articles, coalesce(name, '') FROM entities "
                "WHERE publication_key = ? AND label = ? AND (rank, text) > (?, ?) "
                "ORDER BY rank, text LIMIT ?",
                (publication_key, label, -mentions, text, limits.items + 1),
            )
            if label
            else self._connection.execute(
                "SELECT text, label, mentions, articles, coalesce(name, '') FROM entities "
                "WHERE publication_key = ? AND (rank, text, label) > (?, ?, ?) "
                "ORDER BY rank, text, label LIMIT ?",
                (publication_key, -mentions, text, after_label, limits.items + 1),
            )
        )
        return entities_page(found, limits)
