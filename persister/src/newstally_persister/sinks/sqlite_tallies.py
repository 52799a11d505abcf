"""The embedded sink as a state machine on SQLite: synchronous, one transaction per call."""

import sqlite3

from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Mark,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
    part_elsewhere,
)
from newstally_persister.sinks.derived import words
from newstally_persister.sinks.sqlite_numbered import NumberedRows
from newstally_persister.sinks.sqlite_rows import Rows
from newstally_persister.sinks.sqlite_spelt import SpeltRows
from newstally_persister.sqlite.transactions import begin_anew, snapshot, transaction
from newstally_persister.values.parts import Part, tombstone
from newstally_persister.values.progress import Expiry

_SWEPT_AT_A_TIME = 10_000


class SqliteTallies:
    """Tallies, receipts and marks in one database. What is kept beside it may be lost."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Make the tables on a connection, which may be `:memory:`, or go on in their form."""
        begin_anew(connection)
        version = sqlite_schema.prepare(connection)
        self._connection = connection
        self.keeps_days = version != sqlite_schema.SPELT
        """Whether it knows what was published on which day: the older form does not."""
        self._rows: Rows = (
            SpeltRows(connection) if version == sqlite_schema.SPELT else NumberedRows(connection)
        )

    @property
    def connection(self) -> sqlite3.Connection:
        """For whoever reads more than is listed here."""
        return self._connection

    def apply(self, part: Part) -> bool:
        """Add the part's rows, leave its receipt; return False when the receipt was there.

        Raises JournalMismatchError when the receipt holds another digest, or the mark is not where
        this part expects it.
        """
        try:
            with transaction(self._connection):
                return self._apply(part)
        except BaseException:
            self._rows.forget()
            raise

    def void(self, part: Part) -> bool:
        """See Sink.void."""
        with transaction(self._connection):
            found = self._receipt(part)
            if found is None:
                self._advance(part)
                self._leave(part, tombstone(part.digest))
            elif found not in (part.digest, tombstone(part.digest)):
                raise part_elsewhere(part, "with another content")
            return found != part.digest

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

    def keep(self, *, idle: bool = False) -> bool:
        """Do a step of what lets questions be answered soon; return whether anything was due.

        `idle`: nothing else is done meanwhile.
        """
        if not self.keeps_days:
            return False
        # Numpy takes a tenth of a second to import: only this form of the file needs it.
        from newstally_persister.sinks.derived import keeping  # noqa: PLC0415

        return keeping.step(self._connection, idle=idle) or words.step(self._connection)

    def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """Return publications by mentions, descending, then key."""
        with snapshot(self._connection):
            return self._rows.list_publications(limits, after)

    def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """Return a publication's entities by mentions, descending, then text, then label.

        With a label, only those. Raises PublicationUnknownError.
        """
        with snapshot(self._connection):
            return self._rows.list_entity_tallies(publication_key, label, limits, after)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _apply(self, part: Part) -> bool:
        found = self._receipt(part)
        if found is not None:
            if found != part.digest:
                raise part_elsewhere(part, "with another content")
            return False
        self._advance(part)
        self._rows.add(part)
        self._leave(part, part.digest)
        return True

    def _receipt(self, part: Part) -> str | None:
        """Return the digest in the part's receipt, or None."""
        row = self._connection.execute(
            "SELECT digest FROM receipts WHERE journal_id = ? AND flush = ? AND part = ?",
            (part.journal_id, part.flush, part.number),
        ).fetchone()
        return None if row is None else str(row[0])

    def _leave(self, part: Part, digest: str) -> None:
        self._connection.execute(
            "INSERT INTO receipts (journal_id, flush, part, digest) VALUES (?, ?, ?, ?)",
            (part.journal_id, part.flush, part.number, digest),
        )

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
