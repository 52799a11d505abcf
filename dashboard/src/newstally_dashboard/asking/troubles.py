"""What a call that failed means for a reader. Pure."""

from dataclasses import dataclass
from enum import StrEnum

import grpc
from newstally_protos.names import shown

_LONGEST_MESSAGE = 500
_UNKNOWN_METHOD = "Method not found!"
"""What gRPC says of a method that a server has not got."""


class Kind(StrEnum):
    """What is the matter."""

    ABSENT = "absent"
    """Nothing of that name is there."""
    EMPTY = "empty"
    """There is nothing to compare."""
    UNANSWERED = "unanswered"
    """The store cannot answer this within its bounds."""
    WRONG = "wrong"
    """The address asks for something impossible."""
    DENIED = "denied"
    """The gateway does not let the dashboard in, or not to this."""
    BUSY = "busy"
    """Too much is asked at once."""
    AWAY = "away"
    """The gateway, or its persister, does not answer."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer."""

    kind: Kind
    title: str
    """In a few words."""
    message: str
    """What was said, and what to do about it."""

    @property
    def passing(self) -> bool:
        """Whether the same question may be answered in some seconds."""
        return self.kind in {Kind.BUSY, Kind.AWAY}


class TroubleError(Exception):
    """A question that has no answer."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.title)
        self.trouble = trouble


BUSY = Trouble(
    Kind.BUSY,
    "Too many questions at once",
    "The dashboard asks the gateway only a few at a time, so that uploads are not slowed down. Try"
    " again in some seconds.",
)
LATE = Trouble(
    Kind.BUSY,
    "No answer in time",
    "The store was busy for longer than the dashboard waits. Try again in some seconds, or ask for"
    " fewer days.",
)

TOO_OLD = Trouble(
    Kind.UNANSWERED,
    "The services are too old for this",
    "Gateway and persister answer it from release 0.3 on.",
)


def trouble_of(code: grpc.StatusCode, details: str) -> Trouble:
    """Return what a status means to a reader."""
    said = shown(details)[:_LONGEST_MESSAGE]
    said = said[:1].upper() + said[1:]
    if code is grpc.StatusCode.UNIMPLEMENTED and (not said or _UNKNOWN_METHOD in said):
        return TOO_OLD
    if code in _PASSING:
        return _PASSING[code]
    kind, title, remedy = _MEANINGS.get(code, _AWAY)
    if kind is Kind.AWAY:
        said = f"{code.name}: {said}"
    return Trouble(kind, title, f"{said}. {remedy}".strip())


_PASSING = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: BUSY,
    grpc.StatusCode.DEADLINE_EXCEEDED: LATE,
    grpc.StatusCode.CANCELLED: LATE,
}
_AWAY = (
    Kind.AWAY,
    "The gateway does not answer",
    "Is it running? `newstally status` says how it is.",
)
_KEY = (
    Kind.DENIED,
    "The gateway does not let the dashboard ask this",
    "Whoever runs the dashboard gives it another key with --key-file.",
)
_IMPOSSIBLE = Kind.WRONG, "This cannot be asked", ""
_MEANINGS = {
    grpc.StatusCode.NOT_FOUND: (Kind.ABSENT, "Nothing of that name", ""),
    grpc.StatusCode.FAILED_PRECONDITION: (Kind.EMPTY, "Nothing to compare", "Choose other days."),
    grpc.StatusCode.INVALID_ARGUMENT: _IMPOSSIBLE,
    grpc.StatusCode.OUT_OF_RANGE: _IMPOSSIBLE,
    grpc.StatusCode.UNIMPLEMENTED: (Kind.UNANSWERED, "This store cannot answer that", ""),
    grpc.StatusCode.UNAUTHENTICATED: _KEY,
    grpc.StatusCode.PERMISSION_DENIED: _KEY,
}
