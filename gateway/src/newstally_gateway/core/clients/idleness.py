"""Which stream has to make room when a new one finds no place."""

from collections.abc import Iterable
from dataclasses import dataclass

from newstally_gateway.core.tasks import StreamKey

IDLE_SECONDS = 10.0
"""A stream that was quiet for so long may be asked to leave."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an open stream is about."""

    stream: StreamKey
    """Whose it is."""
    busy: bool
    """A message of it is being taken in, something admitted is not settled, or it is ending."""
    quiet_since: float
    """When its last message came, or its last article was settled, whichever was later."""


def pick_idle(standings: Iterable[Standing], now: float, least_seconds: float) -> StreamKey | None:
    """Return the stream that has been idle longest; None if none has been for `least_seconds`.

    It loses nothing: all that it sent is settled, and it resumes when it has something to send.
    """
    idle = (s for s in standings if not s.busy and now - s.quiet_since >= least_seconds)
    found = min(idle, key=lambda standing: standing.quiet_since, default=None)
    return None if found is None else found.stream
