"""How long to wait after failures."""

import random


class Backoff:
    """Delays that double with each failure in a row, with jitter."""

    def __init__(
        self, first_seconds: float, longest_seconds: float, rng: random.Random | None = None
    ) -> None:
        self._first = first_seconds
        self._longest = longest_seconds
        self._rng = rng or random.Random()  # noqa: S311 - jitter is no secret
        self._failures = 0

    def reset(self) -> None:
        """Begin again with the first delay."""
        self._failures = 0

    def next_seconds(self) -> float:
        """Return the next delay: between a half and the whole of what the doubling gives."""
        # The exponent is bounded so that the power stays a float after months of failures.
        whole = min(self._longest, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return whole * self._rng.uniform(0.5, 1.0)


class Patience:
    """Says when nothing has moved for too long. Times are seconds of one monotonic clock."""

    def __init__(self, give_up_after: float | None, now: float) -> None:
        self._give_up_after = give_up_after
        self._since = now

    def moved(self, now: float) -> None:
        """Note that something moved, or that there is nothing that could."""
        self._since = now

    def left_seconds(self, now: float) -> float | None:
        """Return how long to go on, 0 or less when that is over, None for ever."""
        if self._give_up_after is None:
            return None
        return self._since + self._give_up_after - now
