"""Log lines for what peers can cause as often as they like."""

import threading
import time
from collections.abc import Callable

import structlog

EVERY_SECONDS = 10.0

log = structlog.get_logger()


class Rarely:
    """At most one warning in so many seconds, with how many it stands for. Safe from any thread."""

    def __init__(
        self,
        event: str,
        clock: Callable[[], float] = time.monotonic,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        """`event` is what the line says."""
        self._every = every_seconds
        self._event = event
        self._clock = clock
        self._lock = threading.Lock()
        self._count = 0
        self._silent_until = float("-inf")

    def note(self, **fields: object) -> None:
        """Count it; log it with these fields if the last line is long enough ago."""
        with self._lock:
            self._count += 1
            now = self._clock()
            if now < self._silent_until:
                return
            count, self._count = self._count, 0
            self._silent_until = now + self._every
        log.warning(self._event, times=count, **fields)
