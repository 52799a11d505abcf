"""What happened lately: sums over a minute, and times over some minutes. Pure: time is given."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

BOUNDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    *(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0),
)
"""Upper bounds of buckets, in seconds: from the commit of a journal to a flush after an outage."""
SLOT_SECONDS = 10.0
SLOTS = 6
"""Whole slots that are kept, beside the one that runs."""
PERIOD_SECONDS = 300.0
"""Times are forgotten when they are one to two periods old."""


class Rate:
    """How much came per second, over the last minute."""

    def __init__(self, now: float) -> None:
        """Begin with nothing."""
        self._began = now
        self._slots: deque[list[float]] = deque(maxlen=SLOTS + 1)

    def add(self, amount: float, now: float) -> None:
        """Note what came."""
        slot = now // SLOT_SECONDS
        if self._slots and self._slots[-1][0] >= slot:
            self._slots[-1][1] += amount
        else:
            self._slots.append([slot, amount])

    def per_second(self, now: float) -> float:
        """Return the rate; 0 before any time has passed."""
        slot = now // SLOT_SECONDS
        since = max(self._began, (slot - SLOTS) * SLOT_SECONDS)
        total = sum(amount for at, amount in self._slots if at >= slot - SLOTS)
        return total / (now - since) if now > since else 0.0


class Sampled:
    """How much a total that only grows grew per second, over the last minute."""

    def __init__(self, read: Callable[[], float], now: float) -> None:
        """`read` returns the total."""
        self._read = read
        self._last = read()
        self._rate = Rate(now)

    def sample(self, now: float) -> None:
        """Look at the total; several times in a minute."""
        total = self._read()
        self._rate.add(total - self._last, now)
        self._last = total

    def per_second(self, now: float) -> float:
        """Return the rate, as of now."""
        self.sample(now)
        return self._rate.per_second(now)


class Observes(Protocol):
    """Takes what was measured: a Prometheus histogram, say."""

    def observe(self, amount: float) -> None:
        """Note it."""
        ...


class Times:
    """How long a stage took, of late; each is noted for ever in a histogram as well."""

    def __init__(self, stage: str, now: float, histogram: Observes | None = None) -> None:
        """`stage`: its name."""
        self.stage = stage
        self._histogram = histogram
        self._since = now
        self._counts = [0] * (len(BOUNDS) + 1)
        self._before = list(self._counts)

    def observe(self, seconds: float, now: float) -> None:
        """Note one."""
        if now - self._since >= PERIOD_SECONDS:
            self._turn(now)
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        if self._histogram is not None:
            self._histogram.observe(seconds)

    def counts(self, now: float) -> Sequence[int]:
        """Return how many there were in each bucket, one more than BOUNDS."""
        if now - self._since >= PERIOD_SECONDS:
            self._turn(now)
        return [old + new for old, new in zip(self._before, self._counts, strict=True)]

    def _turn(self, now: float) -> None:
        periods = int((now - self._since) // PERIOD_SECONDS)
        self._before = self._counts if periods == 1 else [0] * len(self._counts)
        self._counts = [0] * len(self._counts)
        self._since += periods * PERIOD_SECONDS
