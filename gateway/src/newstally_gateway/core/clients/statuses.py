"""What a client stream ends with if not with OK."""

from dataclasses import dataclass
from enum import Enum, auto


class Reason(Enum):
    """Why a stream is not ended with OK."""

    DRAINING = auto()
    """The gateway goes away."""
    CROWDED = auto()
    """There is no memory for one more stream."""
    IDLE = auto()
    """It did nothing while others wanted its memory."""
    SILENT = auto()
    """No first message came."""
    FAULT = auto()
    """A bug of the gateway."""
    INVALID = auto()
    """A field of a message makes no sense."""
    GAP = auto()
    """An offset leaves articles out."""
    WENT_BACKWARDS = auto()
    """The journal knows less than it had acknowledged: it was replaced."""
    PERSISTER = auto()
    """The persister refuses the upload, or a batch of it."""
    OVER_LIMIT = auto()
    """Its key has as many streams as it may have."""
    NOT_ALLOWED = auto()
    """An article's publication may not be written. What was sent before is settled; with another
    key, or when this one may, the upload goes on from there."""
    REJECTED = auto()
    """Its caller is not let in any more."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a stream ends with."""

    reason: Reason
    """For programs."""
    message: str = ""
    """For people; empty where the reason says it all."""
    field: str = ""
    """INVALID: the field of the message."""
    next_offset: int = 0
    """GAP: the only offset that would be taken."""
    error: Exception | None = None
    """PERSISTER and REJECTED: passed on as it is."""


class InputError(Exception):
    """The client's input makes no sense: the stream cannot go on from here."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def invalid(field: str, message: str) -> InputError:
    """Return the error for a field of a message that makes no sense."""
    return InputError(Status(Reason.INVALID, message, field))
