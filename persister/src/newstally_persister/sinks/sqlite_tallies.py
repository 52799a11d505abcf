"""The embedded sink as a state machine on SQLite: synchronous, one transaction per call."""

import sqlite3
from collections.abc import Callable, Iterable

from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Item,
    Mark,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    PublicationUnknownError,
)
from newstally_persister.sinks.mismatches import part_elsewhere
from newstally_persister.sqlite.transactions import begin_anew, transaction
from newstally_persister.values.parts import Part
from newstally_persister.values.progress import Expiry

_SWEPT_AT_A_TIME = 10_000
_ABOVE_ALL = 2**63 - 1


class SqliteTallies:
    """Tallies, receipts and marks in one database. It keeps no state beside it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Make or migrate the tables on a connection, which may be `:memory:`."""
        begin_anew(connection)
        sqlite_schema.migrate(connection)
        self._connection = connection

    def apply(self, part: Part) -> bool:
        """Add the part's rows, leave its receipt; return False when the receipt was there.

        Raises JournalMismatchError when the receipt holds another digest, or the mark is not where
        this part expects it.
        """
        with transaction(self._connection):
            receipt = self._connection.execute(
                "SELECT digest FROM receipts WHERE journal_id = ? AND flush = ? AND part = ?",
                (part.journal_id, part.flush, part.number),
            ).fetchone()
            if receipt is not None:
                if receipt[0] != part.digest:
                    raise part_elsewhere(part, "with another content")
                return False
            self._advance(part)
            self._connection.executemany(
                "INSERT INTO publications (key, name, mentions, articles) VALUES (?, ?, ?, ?) "
                f"ON CONFLICT DO UPDATE SET {_ADD}",
                part.publications,
            )
            self._connection.executemany(
                "INSERT INTO entities (publication_key, text, label, mentions, articles) "
                f"VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_ADD}",
                part.entities,
            )
            self._connection.execute(
                "INSERT INTO receipts (journal_id, flush, part, digest) VALUES (?, ?, ?, ?)",
                (part.journal_id, part.flush, part.number, part.digest),
            )
            return True

    def mark(self, journal_id: str) -> Mark:
        """Return how far the sink has seen a journal."""
        row = self._connection.execute(
            "SELECT started, completed FROM marks WHERE journal_id = ?", (journal_id,)
        ).fetchone()
        return Mark(0, 0) if row is None else Mark(*row)

    def expire(self, expiry: Expiry, expire_seconds: int, now_seconds: int) -> None:
        """Let receipts go after `expire_seconds` and sweep those whose time was before `now`.

        Both in seconds since 1970. The receipts of a journal's last flush are never swept: a copy
        of the journal at that flush would find its mark in order.
        """
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE marks SET completed = max(completed, ?) WHERE journal_id = ?",
                (expiry.flush, expiry.journal_id),
            )
            self._connection.executemany(
                "UPDATE receipts SET expire_seconds = ? "
                "WHERE journal_id = ? AND flush = ? AND part = ?",
                [
                    (expire_seconds, expiry.journal_id, expiry.flush, number)
                    for number in expiry.numbers
                ],
            )
            self._connection.execute(
                "DELETE FROM receipts WHERE (journal_id, flush, part) IN ("
                "SELECT journal_id, flush, part FROM receipts JOIN marks USING (journal_id) "
                "WHERE expire_seconds < ? AND flush < started LIMIT ?)",
                (now_seconds, _SWEPT_AT_A_TIME),
            )

    def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """Return publications by mentions, descending, then key."""
        mentions, key = after or (_ABOVE_ALL, "")
        found = self._connection.execute(
            "SELECT key, name, mentions, articles FROM publications "
            "WHERE (rank, key) > (?, ?) ORDER BY rank, key LIMIT ?",
            (-mentions, key, limits.items + 1),
        )
        return _page(
            (PublicationTally(*row) for row in found), lambda tally: tally.key + tally.name, limits
        )

    def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """Return a publication's entities by mentions, descending, then text, then label.

        With a label, only those. Raises PublicationUnknownError.
        """
        if not self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM publications WHERE key = ?)", (publication_key,)
        ).fetchone()[0]:
            raise PublicationUnknownError
        mentions, text, after_label = after or (_ABOVE_ALL, "", "")
        found = (
            self._connection.execute(
                "SELECT text, label, mentions, articles FROM entities "
                "WHERE publication_key = ? AND label = ? AND (rank, text) > (?, ?) "
                "ORDER BY rank, text LIMIT ?",
                (publication_key, label, -mentions, text, limits.items + 1),
            )
            if label
            else self._connection.execute(
                "SELECT text, label, mentions, articles FROM entities "
                "WHERE publication_key = ? AND (rank, text, label) > (?, ?, ?) "
                "ORDER BY rank, text, label LIMIT ?",
                (publication_key, -mentions, text, after_label, limits.items + 1),
            )
        )
        return _page(
            (EntityTally(*row) for row in found), lambda tally: tally.text + tally.label, limits
        )

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _advance(self, part: Part) -> None:
        """Move the mark with part 1; check that it stands right for the others."""
        mark = self.mark(part.journal_id)
        if part.number > 1:
            if mark.started != part.flush or mark.completed >= part.flush:
                raise part_elsewhere(part, f"which stands at {mark}")
            return
        if mark.started != part.flush - 1:
            raise part_elsewhere(part, f"which stands at {mark}")
        self._connection.execute(
            "INSERT INTO marks (journal_id, started, completed) VALUES (?, ?, 0) "
            "ON CONFLICT DO UPDATE SET started = excluded.started",
            (part.journal_id, part.flush),
        )


_ADD = "mentions = mentions + excluded.mentions, articles = articles + excluded.articles"


def _page(found: Iterable[Item], text: Callable[[Item], str], limits: PageLimits) -> Page[Item]:
    items: list[Item] = []
    size = 0
    for item in found:
        size += len(text(item).encode())
        if items and (len(items) == limits.items or size > limits.size_bytes):
            return Page(items, more=True)
        items.append(item)
    return Page(items, more=False)
