"""The journal as a state machine on SQLite: synchronous, one transaction per public method."""

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from newstally_persister.journal.tables import recording, schema
from newstally_persister.journal.tables.reader import JournalReader
from newstally_persister.sqlite.transactions import begin_anew, transaction
from newstally_persister.values.batches import Batch
from newstally_persister.values.uploads import NewUpload, Recorded, Upload

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class JournalStore(JournalReader):
    """Everything the persister must not forget.

    It keeps no state beside the database: a new store on the same connection or file is a restart,
    and losing the connection is a crash. A call whose process dies has happened wholly or not at
    all. SQLite's errors pass through; after one the store must not be used any more.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        new_journal_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        """Make or migrate the journal on a connection, which may be `:memory:`.

        Raises JournalVersionError when the journal is newer than this release.
        """
        begin_anew(connection)
        schema.migrate(connection, new_journal_id)
        super().__init__(connection)

    def create_uploads(self, wishes: Sequence[NewUpload], now_micros: int) -> list[Upload | None]:
        """Make the uploads that do not exist; return for each wish the upload of that id.

        An upload that existed is returned as it stands, whoever owns it: compare the owner, and
        the fingerprint. None: its owner may make no more of them today.
        """
        with transaction(self._connection):
            return recording.create_uploads(self._connection, wishes, now_micros)

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        """Record batches in order (group commit); return an answer for each, None: no such upload.

        A batch whose first_offset is not its upload's next_offset at that moment changes nothing;
        its answer carries the truth all the same.
        """
        with transaction(self._connection):
            return recording.record_batches(self._connection, batches, now_micros)

    def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Do the work in one transaction and return what it returns; see `flushes`."""
        with transaction(self._connection):
            return work(self._connection, *args, **named)
