"""A timer that may be asked for an earlier time."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls back once, no later than the earliest time that was asked for. Early does no harm.

    It keeps the time itself: a loop may give a handle that knows none for what is due at once, as
    uvloop does.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.Handle | None = None
        self._when = 0.0

    def set(self, when: float | None) -> None:
        """Ring by then, in the loop's time. None asks for nothing."""
        if when is None or (self._handle is not None and self._when <= when):
            return
        self.cancel()
        self._when = when
        self._handle = self._loop.call_at(when, self._rung)

    def cancel(self) -> None:
        """Do not ring, until it is set again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _rung(self) -> None:
        self._handle = None
        self._ring()
