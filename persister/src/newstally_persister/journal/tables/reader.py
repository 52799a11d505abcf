"""What can be looked up in a journal, also beside its writer."""

import sqlite3
from collections.abc import Sequence

from newstally_persister.journal.tables import models, older_keys, owned, refusals, set_aside
from newstally_persister.journal.tables.owned import UPLOAD_COLUMNS, read_upload
from newstally_persister.values.batches import Refusal, RefusalRange
from newstally_persister.values.uploads import Upload
from newstally_persister.values.voids import SetAsideRow

_LATEST_MICROS = 2**63 - 1


class JournalReader:
    """Reads what was committed. Use one per thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get_upload(self, upload_id: str) -> Upload | None:
        """Return the upload that is stored so, as it stands, or None."""
        return owned.find_stored(self._connection, upload_id)

    def find_upload(self, upload_id: str, owner: str) -> Upload | None:
        """Return an owner's upload by the id that the owner gave it, or None."""
        return owned.find(self._connection, upload_id, owner)

    def list_uploads(
        self, owner: str, after: tuple[int, str] | None, limit: int
    ) -> Sequence[Upload]:
        """Return at most `limit` uploads of an owner, those made last first, then by id.

        `after` is where the list goes on: microseconds and id of the last one that was seen.
        """
        micros, upload_id = after or (_LATEST_MICROS, "")
        rows = self._connection.execute(
            f"SELECT {UPLOAD_COLUMNS} FROM uploads WHERE owner = ? AND create_micros <= ? "
            "AND (create_micros < ? OR upload_id > ?) "
            "ORDER BY create_micros DESC, upload_id LIMIT ?",
            (owner, micros, micros, upload_id, limit),
        )
        return [read_upload(row) for row in rows]

    def stored_key(self, publication_key: str) -> str:
        """Return the key under which a publication is recorded: its own, or an older form of it."""
        return older_keys.stored_key(self._connection, publication_key)

    def models(self) -> Sequence[str]:
        """Return what the tallies were counted with, sorted."""
        return models.read(self._connection)

    def list_set_aside(self) -> Sequence[SetAsideRow]:
        """Return the rows that are set aside, by key."""
        return set_aside.rows(self._connection)

    def list_refusals(self, upload_id: str, after_offset: int, limit: int) -> Sequence[Refusal]:
        """Return at most `limit` refusals above `after_offset` (-1: from the start), by offset."""
        rows = self._connection.execute(
            "SELECT offset, article_id, reason, message FROM refusals "
            "WHERE upload_id = ? AND offset > ? ORDER BY offset LIMIT ?",
            (upload_id, after_offset, limit),
        )
        return [Refusal(*row) for row in rows]

    def list_refusal_ranges(self, upload_id: str) -> Sequence[RefusalRange]:
        """Return where the refusals are that are not listed, by their first offset."""
        return refusals.ranges(self._connection, upload_id)
