"""How fast a new collection may be written. Pure: time is seconds of a monotonic clock.

Google's advice: begin with 500 writes a second, and allow half as many more every 5 minutes.
"""

GROWTH = 1.5
STEP_SECONDS = 300.0


class Ramp:
    """Says how long each commit has to wait for its turn."""

    def __init__(self, first_per_second: float) -> None:
        """Begin with so many writes per second, counted from the first one."""
        self._first_per_second = first_per_second
        self._begun: float | None = None
        self._free_at = 0.0

    def per_second(self, now: float) -> float:
        """Return how many writes per second are allowed now."""
        elapsed = 0.0 if self._begun is None else now - self._begun
        # No database gets beyond 1.5**64 times the first rate.
        return self._first_per_second * GROWTH ** min(64, int(elapsed / STEP_SECONDS))

    def reserve(self, writes: int, now: float) -> float:
        """Reserve the next turn for so many writes; return how many seconds it is away."""
        if self._begun is None:
            self._begun = now
        begin = max(now, self._free_at)
        self._free_at = begin + writes / self.per_second(now)
        return begin - now
