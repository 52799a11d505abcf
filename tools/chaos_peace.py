"""When `make chaos` gives up waiting: once nothing moves any more, however long it takes.

A machine that does something else as well may need half an hour for what waits in the journal.
"""

import contextlib
import time
from collections.abc import Callable

from support.processes import Process

STILL_SECONDS = 300.0
"""Nothing has moved for so long: it never will."""
LONGEST_SECONDS = 5_400.0
"""However much moves."""
_MOVING = ("articles_total", "flushed_rows_total", "firestore_writes_total")
"""Of the persister: what is settled, what is applied, and what logs and folds write before that."""


class GivenUpError(Exception):
    """What is waited for does not come."""


class Peace:
    """A time in which nobody is killed, and what is left gets done."""

    def __init__(
        self, moved: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`moved` says how far everything is; OSError: it cannot be asked just now."""
        self._moved = moved
        self._clock = clock
        self._begun = self._news_at = clock()
        self._last: object = None

    def check(self, waits_for: str) -> None:
        """Raise GivenUpError once nothing has moved for too long."""
        now = self._clock()
        with contextlib.suppress(OSError):
            found = self._moved()
            if found != self._last:
                self._last, self._news_at = found, now
        if now - self._news_at > STILL_SECONDS:
            raise GivenUpError(f"{waits_for}: nothing has moved for {STILL_SECONDS:g} s")
        if now - self._begun > LONGEST_SECONDS:
            raise GivenUpError(f"{waits_for}: not within {LONGEST_SECONDS:g} s")


def moved_in(persister: Process) -> tuple[float, ...]:
    """Return how far a persister is. Raises OSError."""
    return tuple(persister.metric(f"newstally_persister_{name}") for name in _MOVING)
