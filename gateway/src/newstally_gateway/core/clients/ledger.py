"""Which outcomes of a stream are recorded together, and what is settled.

admitted ──ready──▶ ready ──contiguous, closed by bytes or age──▶ frozen ──answered──▶ settled
                      ▲                                             │
                      └─────── cut anew (answer inside) ────────────┘
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from newstally_protos.v1.article_pb2 import Refusal

from newstally_gateway.core.clients.batches import BATCH_OVERHEAD_BYTES, Batch
from newstally_gateway.core.outcomes import LARGEST_OUTCOME_BYTES, Outcome, Refused


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is closed. Never by its number of articles."""

    send_bytes: int
    """No RecordBatchRequest is larger."""
    close_bytes: int = 256 * 1024
    """A batch is closed before it grows over this, unless one outcome alone is larger: about 300
    articles, which take some 10 ms to fold, all that the event loop is kept from other work."""
    max_age: float = 0.25
    """Seconds from when its oldest outcome could have been recorded until it is closed."""

    def __post_init__(self) -> None:
        least = LARGEST_OUTCOME_BYTES + BATCH_OVERHEAD_BYTES
        if self.send_bytes < least:
            raise ValueError(f"{self.send_bytes=} cannot hold the largest outcome, {least} bytes")
        if not 0 < self.close_bytes <= self.send_bytes:
            raise ValueError(f"{self.close_bytes=} must lie between 1 and {self.send_bytes=}")


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
        self._limits = limits
        self._next = next_offset
        # What each unsettled article is charged, from `_next` on.
        self._charges: deque[int] = deque()
        self._frozen: Batch | None = None
        self._frozen_since = 0.0
        # The outcomes that follow the frozen batch without a gap, and since when they do.
        self._prefix: deque[tuple[Outcome, float]] = deque()
        self._prefix_bytes = 0
        # Outcomes that wait for an earlier one, and since when.
        self._scattered: dict[int, tuple[Outcome, float]] = {}

    @property
    def next_offset(self) -> int:
        """How many are settled, as last heard."""
        return self._next

    @property
    def end_offset(self) -> int:
        """One past the last admitted offset; never below `next_offset`."""
        return self._next + len(self._charges)

    @property
    def unsettled(self) -> int:
        """How many admitted articles are not settled."""
        return len(self._charges)

    @property
    def awaited(self) -> int:
        """How many admitted articles have no outcome."""
        return self.end_offset - self._prefix_end - len(self._scattered)

    @property
    def frozen(self) -> Batch | None:
        """The batch that was handed out and is not answered: send it, and again, as it is."""
        return self._frozen

    def admit(self, offset: int, charge: int) -> bool:
        """Note that an article was admitted for `charge` bytes.

        False: it was settled meanwhile (by another gateway); the charge stays the caller's.
        ValueError unless it is the next one, `end_offset`.
        """
        if offset < self._next:
            return False
        if offset != self.end_offset:
            raise ValueError(f"offset {offset} is not the next one, {self.end_offset}")
        self._charges.append(charge)
        return True

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take an outcome; one for a settled offset, or a second one, is ignored.

        ValueError when the offset was never admitted.
        """
        if offset >= self.end_offset:
            raise ValueError(f"offset {offset} was never admitted")
        end = self._prefix_end
        if offset == end:
            self._join(outcome, now)
            self._join_scattered(now)
        elif offset > end:
            self._scattered.setdefault(offset, (outcome, now))

    def freeze(self, now: float, *, flush: bool = False) -> Batch | None:
        """Close the open batch if it is due, or with `flush` if there is anything in it.

        None while a batch is frozen. The batch stays frozen until `answered`.
        """
        due = self.due(now)
        if due is None or (due > now and not flush):
            return None
        self._frozen_since = self._prefix[0][1]
        outcomes: list[Outcome] = []
        size = BATCH_OVERHEAD_BYTES
        while self._prefix:
            outcome = self._prefix[0][0]
            if outcomes and size + outcome.size_bytes > self._limits.close_bytes:
                break
            self._leave_prefix()
            outcomes.append(outcome)
            size += outcome.size_bytes
        self._frozen = Batch(self._next, tuple(outcomes), size)
        return self._frozen

    def due(self, now: float) -> float | None:
        """Return when `freeze` will have something without `flush`; None: not before an event."""
        if self._frozen is not None or not self._prefix:
            return None
        if self._prefix_bytes + BATCH_OVERHEAD_BYTES >= self._limits.close_bytes:
            return now
        return self._prefix[0][1] + self._limits.max_age

    def answered(self, next_offset: int) -> Answer:
        """Take the journal's answer to the frozen batch.

        What lies below `next_offset` leaves; the rest of the frozen batch is ready again. Raises
        WentBackwardsError, changing nothing, when `next_offset` is below the ledger's.
        """
        if next_offset < self._next:
            raise WentBackwardsError(next_offset, self._next)
        self._thaw()
        settled = next_offset - self._next
        leaving = min(settled, len(self._charges))
        released = 0
        overtaken = False
        refusals: list[Refusal] = []
        for offset in range(self._next, self._next + leaving):
            released += self._charges.popleft()
            outcome = self._leave_prefix() if self._prefix else self._leave_scattered(offset)
            if outcome is None:
                overtaken = True
            elif isinstance(outcome, Refused):
                refusals.append(outcome.refusal)
        self._next = next_offset
        if not self._prefix:
            self._join_scattered()
        return Answer(settled, released, tuple(refusals), overtaken)

    @property
    def _prefix_end(self) -> int:
        frozen = 0 if self._frozen is None else len(self._frozen.outcomes)
        return self._next + frozen + len(self._prefix)

    def _join(self, outcome: Outcome, since: float) -> None:
        self._prefix.append((outcome, since))
        self._prefix_bytes += outcome.size_bytes

    def _join_scattered(self, now: float | None = None) -> None:
        """Move what has no gap before it any more into the prefix, as of `now` if given."""
        offset = self._prefix_end
        while (found := self._scattered.pop(offset, None)) is not None:
            outcome, since = found
            self._join(outcome, since if now is None else now)
            offset += 1

    def _leave_prefix(self) -> Outcome:
        outcome, _ = self._prefix.popleft()
        self._prefix_bytes -= outcome.size_bytes
        return outcome

    def _leave_scattered(self, offset: int) -> Outcome | None:
        found = self._scattered.pop(offset, None)
        return None if found is None else found[0]

    def _thaw(self) -> None:
        if self._frozen is None:
            return
        for outcome in reversed(self._frozen.outcomes):
            self._prefix.appendleft((outcome, self._frozen_since))
            self._prefix_bytes += outcome.size_bytes
        self._frozen = None
