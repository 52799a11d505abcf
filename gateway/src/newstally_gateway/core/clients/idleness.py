"""Which stream has to make room when a new one finds no memory."""

from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K")

IDLE_SECONDS = 10.0
"""A stream that was quiet for so long may be asked to leave."""


def pick_idle(
    streams: Iterable[tuple[K, float | None]], now: float, least_seconds: float
) -> K | None:
    """Return the stream that has been idle longest; None if none has been for `least_seconds`.

    `streams`: each one's key, and since when it is idle; None while it has something to do. An idle
    one loses nothing: all that it sent is settled, and it resumes when it has something to send.
    """
    idle = [(since, key) for key, since in streams if since is not None]
    since, key = min(idle, key=lambda found: found[0], default=(now, None))
    return None if now - since < least_seconds else key
