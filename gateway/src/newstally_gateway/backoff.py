"""How long to wait before the next try."""

import random
from collections.abc import Callable


class Backoff:
    """Exponential backoff with full jitter: each wait is uniform in [0, ceiling].

    The ceiling doubles from `first` to `highest` seconds.
    """

    def __init__(
        self, first: float, highest: float, uniform: Callable[[float, float], float] | None = None
    ) -> None:
        self._first = first
        self._highest = highest
        self._ceiling = first
        self._uniform = uniform or random.uniform

    def next(self) -> float:
        """Return how many seconds to wait before the next try."""
        ceiling = self._ceiling
        self._ceiling = min(2 * ceiling, self._highest)
        return self._uniform(0.0, ceiling)

    def reset(self) -> None:
        """Begin anew: a try succeeded."""
        self._ceiling = self._first
