"""Outcomes that are recorded together, and the request that records them."""

from dataclasses import dataclass

from newstally_protos.v1.journal_pb2 import RecordBatchRequest

from newstally_gateway.core.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Batch:
    """A contiguous range of offsets with their outcomes. It never changes."""

    first_offset: int
    """The first offset."""
    outcomes: tuple[Outcome, ...]
    """One per offset, in order; at least one."""
    size_bytes: int
    """Upper bound of the serialised RecordBatchRequest."""

    @property
    def end_offset(self) -> int:
        """One past the last offset."""
        return self.first_offset + len(self.outcomes)


def fold(batch: Batch, upload_id: str) -> RecordBatchRequest:
    """Sum the batch up per publication and entity. Always the same for the same batch."""
    raise NotImplementedError
