"""What a client stream wants to be done, and what it counts.

Effects are to be carried out in their order. A `Task` is an effect, too: queue it for extraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from newstally_protos.v1.article_pb2 import Refusal
from newstally_protos.v1.upload_pb2 import Upload

from newstally_gateway.core.clients.batches import Batch
from newstally_gateway.core.clients.statuses import Status
from newstally_gateway.core.tasks import Task


@dataclass(frozen=True, slots=True)
class FindUpload:
    """Look the upload up, and tell the client its id; answer by `found` or `refuse`."""

    upload_id: str
    """Empty: make one."""


@dataclass(frozen=True, slots=True)
class MakeRoom:
    """There was no memory for the stream: have an idle one go."""


@dataclass(frozen=True, slots=True)
class Record:
    """Have the batch recorded, for as long as it takes; answer by `recorded` or `not_recorded`."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Release:
    """Give memory back; streams that are granted some by that hear `granted`."""

    charge: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget the stream's tasks under an offset: they are settled elsewhere."""

    below: int


class Tell(NamedTuple):
    """Tell the client of refusals and then of progress; answer by `told` when it may hear more."""

    refusals: Sequence[Refusal]
    """This gateway's verdicts on what is settled now, by offset."""
    upload: Upload
    """As the journal knows it."""
    settled: int
    """How many offsets it moved on."""


@dataclass(frozen=True, slots=True)
class TellDraining:
    """Tell the client to go elsewhere."""


@dataclass(frozen=True, slots=True)
class Collided:
    """For the log: another gateway was ahead, the batch is cut anew."""

    batch: Batch
    next_offset: int


@dataclass(frozen=True, slots=True)
class WentBackwards:
    """For the log: the journal was replaced by an older one."""

    known: int
    """What it had acknowledged."""
    next_offset: int
    """What it says now."""


@dataclass(frozen=True, slots=True)
class End:
    """The last effect: stop whatever runs for the stream, give back all it holds, tell its end."""

    status: Status | None
    """None: OK."""


Effect: TypeAlias = (
    Task
    | FindUpload
    | MakeRoom
    | Record
    | Release
    | Discard
    | Tell
    | TellDraining
    | Collided
    | WentBackwards
    | End
)


class Counter(Protocol):
    """Counts what happens."""

    def inc(self, amount: float = 1) -> None:
        """Count once more, or `amount` times."""
        ...


@dataclass(frozen=True, slots=True)
class Counters:
    """What is counted as it is decided; the rest is counted when effects are carried out."""

    received: Counter
    """Articles admitted."""
    passed_over: Counter
    """Articles that were settled, or read before on their stream."""
    memory_waits: Counter
    """Times a stream had to wait for memory."""
