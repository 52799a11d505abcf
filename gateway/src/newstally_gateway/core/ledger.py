"""Which outcomes of a stream are recorded together, and what is settled.

admitted ──ready──▶ ready ──contiguous, closed by bytes or age──▶ frozen ──answered──▶ settled
                      ▲                                             │
                      └─────── cut anew (answer inside) ────────────┘
"""

from collections.abc import Sequence
from dataclasses import dataclass

from newstally_protos.v1.article_pb2 import Refusal

from newstally_gateway.core.batches import Batch
from newstally_gateway.core.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is closed. Never by its number of articles."""

    send_bytes: int
    """No RecordBatchRequest is larger."""
    close_bytes: int = 1024 * 1024
    """A batch is closed before it grows over this, unless one outcome alone is larger."""
    max_age: float = 0.25
    """Seconds from when its oldest outcome could have been recorded until it is closed."""


class WentBackwardsError(Exception):
    """The journal knows less than it had acknowledged (ABORTED): it was replaced."""

    def __init__(self, next_offset: int, known: int) -> None:
        super().__init__(f"the upload went backwards: from {known} to {next_offset}")
        self.next_offset = next_offset
        self.known = known


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer of the journal means for the stream."""

    settled: int
    """How many offsets it moved on; 0: nothing was settled, the batch is cut anew."""
    released_bytes: int
    """Admission charge to give back, of all offsets that left."""
    refusals: Sequence[Refusal]
    """This gateway's own verdicts on offsets that are settled now, by offset. What the journal
    holds may be another gateway's verdict: ListRefusals is the truth."""
    overtaken: bool
    """Offsets without an outcome here were settled by another gateway: discard their tasks
    (all of the stream's below `next_offset`)."""


class Ledger:
    """Keeps one client stream's articles from admission until they are settled."""

    def __init__(self, next_offset: int, limits: BatchLimits) -> None:
        """Begin at the upload's `next_offset`."""
        raise NotImplementedError

    @property
    def next_offset(self) -> int:
        """How many are settled, as last heard."""
        raise NotImplementedError

    @property
    def end_offset(self) -> int:
        """One past the last admitted offset; never below `next_offset`."""
        raise NotImplementedError

    @property
    def unsettled(self) -> int:
        """How many admitted articles are not settled."""
        raise NotImplementedError

    @property
    def awaited(self) -> int:
        """How many admitted articles have no outcome."""
        raise NotImplementedError

    @property
    def frozen(self) -> Batch | None:
        """The batch that was handed out and is not answered: send it, and again, as it is."""
        raise NotImplementedError

    def admit(self, offset: int, charge: int) -> bool:
        """Note that an article was admitted for `charge` bytes.

        False: it was settled meanwhile (by another gateway); the charge stays the caller's.
        ValueError unless it is the next one, `end_offset`.
        """
        raise NotImplementedError

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take an outcome; one for a settled offset, or a second one, is ignored.

        ValueError when the offset was never admitted.
        """
        raise NotImplementedError

    def freeze(self, now: float, *, flush: bool = False) -> Batch | None:
        """Close the open batch if it is due, or with `flush` if there is anything in it.

        None while a batch is frozen. The batch stays frozen until `answered`.
        """
        raise NotImplementedError

    def due(self, now: float) -> float | None:
        """Return when `freeze` will have something without `flush`; None: not before an event."""
        raise NotImplementedError

    def answered(self, next_offset: int) -> Answer:
        """Take the journal's answer to the frozen batch.

        What lies below `next_offset` leaves; the rest of the frozen batch is ready again. Raises
        WentBackwardsError, changing nothing, when `next_offset` is below the ledger's.
        """
        raise NotImplementedError
