"""How fast a new collection may be written. Pure: time is seconds of a monotonic clock.

Google's advice: begin with 500 writes a second, and allow half as many more every 5 minutes.
"""

GROWTH = 1.5
STEP_SECONDS = 300.0


class Ramp:
    """Says when the next commit may go out. Who gives up waiting leaves nothing behind."""

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

    def delay(self, now: float) -> float:
        """Return for how many seconds nothing may be written; 0: go."""
        return max(0.0, self._free_at - now)

    def spend(self, writes: int, now: float) -> None:
        """Note that so many writes go out now."""
        if self._begun is None:
            self._begun = now
        self._free_at = now + writes / self.per_second(now)
