"""Whose call is served: kept beside it from the door on, and passed on to the persister."""

from contextvars import ContextVar

from newstally_protos.wire import ANONYMOUS_OWNER

from newstally_gateway.core.keys.callers import Caller

ANYBODY = Caller(ANONYMOUS_OWNER)
"""Who calls where the door is open."""
_CALLER: ContextVar[Caller] = ContextVar("caller")


def note_caller(found: Caller) -> None:
    """Keep who makes the call whose task this is."""
    _CALLER.set(found)


def caller() -> Caller:
    """Return who makes the call that is served in this task, or that began it.

    Raises LookupError for a call that came past the door.
    """
    return _CALLER.get()
