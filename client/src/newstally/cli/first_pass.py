"""Tells how far the first pass over an input is: it is read once before anything is sent."""

import time
from collections.abc import Callable

from newstally.inputs import Source

FIRST_AFTER_SECONDS = 0.2
LINE_EVERY_SECONDS = 5.0
_LOOK_EVERY = 64
"""Records between two looks at the clock."""


class FirstPass:
    """Says soon that something happens, and then every few seconds how far it is."""

    def __init__(
        self,
        source: Source,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._say = say
        self._clock = clock
        self._next = clock() + FIRST_AFTER_SECONDS

    def __call__(self, records: int) -> None:
        """Take how many records were read so far."""
        if records % _LOOK_EVERY or (now := self._clock()) < self._next:
            return
        self._next = now + LINE_EVERY_SECONDS
        done = self._source.progress()
        self._say(f"reading the input: {records:,} records, {done:.0%}")
