"""The journal as a state machine on SQLite: synchronous, one transaction per public method.

A flush goes through

    idle ──cut──▶ open ──plan_part, part_done, in any order──▶ all planned and done ──▶ idle

`cut` closes the heap: what is recorded from then on belongs to the next flush. Each `plan_part`
fixes the next part's rows and digest on disk, before its first attempt at the sink. The `part_done`
that completes the flush moves the applied offsets in its own transaction.
"""

import secrets
import sqlite3
from collections.abc import Callable, Sequence

from newstally_persister.journal import flushes, schema
from newstally_persister.journal import recording as intake
from newstally_persister.journal.reader import JournalReader
from newstally_persister.sqlite.transactions import begin_anew, transaction
from newstally_persister.values.batches import Batch
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry, OpenFlush, Position
from newstally_persister.values.uploads import NewUpload, Recorded, Upload


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

    def position(self) -> Position:
        """Return how far the journal is."""
        with transaction(self._connection):
            return flushes.position(self._connection)

    def has_unapplied(self) -> bool:
        """Return whether an upload has settled offsets that are not applied."""
        return intake.has_unapplied(self._connection)

    def create_uploads(self, wishes: Sequence[NewUpload], now_micros: int) -> list[Upload]:
        """Make the uploads that do not exist; return for each wish the upload of that id.

        An upload that existed is returned as it stands, whoever owns it: compare the owner.
        """
        with transaction(self._connection):
            return intake.create_uploads(self._connection, wishes, now_micros)

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        """Record batches in order (group commit); return an answer for each, None: no such upload.

        A batch whose first_offset is not its upload's next_offset at that moment changes nothing;
        its answer carries the truth all the same.
        """
        with transaction(self._connection):
            return intake.record_batches(self._connection, batches, now_micros)

    def open_flush(self) -> OpenFlush | None:
        """Return the flush to finish, or None when idle. Ask at start: a crash leaves one open."""
        with transaction(self._connection):
            return flushes.open_flush(self._connection)

    def cut(self) -> int | None:
        """Close the heap as the next flush and return its number.

        None when the heap is empty; offsets that wait without tallies (refusals) are then applied
        on the spot, and no flush number is used. Raises ValueError when a flush is open.
        """
        with transaction(self._connection):
            return flushes.cut(self._connection)

    def plan_part(self, flush: int, limits: PartLimits) -> Part | None:
        """Fix a flush's next part on disk and return it; None when it has no rows left to plan."""
        with transaction(self._connection):
            return flushes.plan_part(self._connection, flush, limits)

    def read_part(self, flush: int, number: int) -> Part:
        """Return a part that was planned and is not done, unchanged.

        Raises CorruptJournalError when its rows are not what its digest says.
        """
        with transaction(self._connection):
            return flushes.read_part(self._connection, flush, number)

    def part_done(self, flush: int, number: int) -> bool:
        """Delete the rows of a part that the sink applied; return whether the flush is complete.

        Completing it moves applied_offset of each upload to what next_offset was at the cut. A
        part that is done already, also of an earlier flush, changes nothing and returns False.
        """
        with transaction(self._connection):
            return flushes.part_done(self._connection, flush, number)

    def expirable(self, limit: int) -> Expiry | None:
        """Return at most `limit` parts of the oldest complete flush whose receipts still stand."""
        with transaction(self._connection):
            return flushes.expirable(self._connection, limit)

    def forget(self, expiry: Expiry) -> None:
        """Drop parts whose receipts were told to expire. Doing it again changes nothing."""
        with transaction(self._connection):
            flushes.forget(self._connection, expiry)
