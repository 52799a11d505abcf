"""What the flusher asks of the journal and of the sink: calls, no two of them equal.

A call of the journal is work for `JournalStore.run`; what it returns is the answer.
"""

import sqlite3
from dataclasses import dataclass

from newstally_persister.journal.tables import flushes, voiding
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry, Progress
from newstally_persister.values.voids import Voided


@dataclass(frozen=True, slots=True, eq=False)
class ReadProgress:
    """Where to begin?"""

    def __call__(self, connection: sqlite3.Connection) -> Progress:
        """Do it in the journal."""
        return flushes.progress(connection)


@dataclass(frozen=True, slots=True, eq=False)
class CutFlush:
    """Close the heap. Answer: the flush's number; None when there was nothing to send."""

    def __call__(self, connection: sqlite3.Connection) -> int | None:
        """Do it in the journal."""
        return flushes.cut(connection)


@dataclass(frozen=True, slots=True, eq=False)
class PlanPart:
    """Fix the flush's next part on disk. Answer: the part; None when no rows are left."""

    flush: int
    limits: PartLimits

    def __call__(self, connection: sqlite3.Connection) -> Part | None:
        """Do it in the journal."""
        return flushes.plan_part(connection, self.flush, self.limits)


@dataclass(frozen=True, slots=True, eq=False)
class ReadPart:
    """Read a part that was fixed before. Answer: the part."""

    flush: int
    number: int

    def __call__(self, connection: sqlite3.Connection) -> Part:
        """Do it in the journal."""
        return flushes.read_part(connection, self.flush, self.number)


@dataclass(frozen=True, slots=True, eq=False)
class MarkDone:
    """Note that the sink has applied the part. Answer: whether its flush is complete."""

    part: Part

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Do it in the journal."""
        return flushes.part_done(connection, self.part.flush, self.part.number)


@dataclass(frozen=True, slots=True, eq=False)
class BeginVoid:
    """Note that the part is to be voided. Answer: False when too many rows are set aside."""

    part: Part
    reason: str
    limit: int
    """Of rows that are set aside."""

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Do it in the journal."""
        return voiding.begin(connection, self.part.flush, self.part.number, self.reason, self.limit)


@dataclass(frozen=True, slots=True, eq=False)
class FinishVoid:
    """Plan the part's rows anew, smaller: its tombstone is in the sink. Answer: a Voided."""

    part: Part

    def __call__(self, connection: sqlite3.Connection) -> Voided:
        """Do it in the journal."""
        return voiding.finish(connection, self.part.flush, self.part.number)


@dataclass(frozen=True, slots=True, eq=False)
class FindExpirable:
    """Which receipts are not needed any more? Answer: an Expiry; None when there are none."""

    limit: int

    def __call__(self, connection: sqlite3.Connection) -> Expiry | None:
        """Do it in the journal."""
        return flushes.expirable(connection, self.limit)


@dataclass(frozen=True, slots=True, eq=False)
class Forget:
    """Drop the parts whose receipts were told to expire."""

    expiry: Expiry

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Do it in the journal."""
        flushes.forget(connection, self.expiry)


@dataclass(frozen=True, slots=True, eq=False)
class AskMark:
    """How far has the sink seen the journal? Answer: the Mark."""

    progress: Progress
    """What it is compared with."""


@dataclass(frozen=True, slots=True, eq=False)
class ApplyPart:
    """Apply the part; see Sink.apply."""

    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class VoidPart:
    """Leave a tombstone; see Sink.void. Answer: False when the part was applied before."""

    part: Part


@dataclass(frozen=True, slots=True, eq=False)
class ExpireReceipts:
    """Let receipts go; see Sink.expire."""

    expiry: Expiry


JournalCall = (
    ReadProgress
    | CutFlush
    | PlanPart
    | ReadPart
    | MarkDone
    | BeginVoid
    | FinishVoid
    | FindExpirable
    | Forget
)
SinkCall = AskMark | ApplyPart | VoidPart | ExpireReceipts
Call = JournalCall | SinkCall
