"""How long to wait before the next try."""

import random

_JITTER = random.Random()  # noqa: S311 - jitter is no secret
"""One for all: to seed one takes longer than most calls that have a backoff, and never wait."""


class Backoff:
    """Waits that double with each failure in a row, each with jitter.

    A wait is uniform between a half and the whole of its ceiling. The half keeps whoever fails at
    once from asking without a pause; the other half keeps those apart who failed together.
    """

    def __init__(
        self, first_seconds: float, longest_seconds: float, rng: random.Random | None = None
    ) -> None:
        """The ceiling grows from `first_seconds` to `longest_seconds`."""
        self._first = first_seconds
        self._longest = longest_seconds
        self._rng = rng or _JITTER
        self._failures = 0

    def next_seconds(self) -> float:
        """Return the next wait."""
        # The exponent is bounded so that the power stays a float after months of failures.
        ceiling = min(self._longest, self._first * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return ceiling * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin anew: a try succeeded."""
        self._failures = 0
