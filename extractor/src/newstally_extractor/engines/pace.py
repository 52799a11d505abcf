"""How much of a model batch is read at once, so that the time can be looked at between."""

from collections.abc import Sequence
from math import isfinite

PART_COST = 128 * 1024
"""At most so much, in characters of prose: all of a model batch of the usual size."""
PARTS = 4
"""So many parts shall fit into the soft limit."""
FORGETTING = 0.2
"""How much of what was slow once is forgotten with each part that was not."""


class Pace:
    """Knows how fast the engine is. Pure."""

    def __init__(self, soft_limit: float) -> None:
        """`soft_limit`: seconds that a batch may take before what can be left out is."""
        self._soft_limit = soft_limit
        self._seconds_per_cost: float | None = None

    def first_part(self, costs: Sequence[int]) -> int:
        """Return how many of the texts with these costs to read together: one at least.

        As long as nothing is known of the engine's speed, one.
        """
        bound: float = PART_COST
        if self._seconds_per_cost is None:
            bound = 0 if isfinite(self._soft_limit) else bound
        elif self._seconds_per_cost > 0:
            bound = min(bound, self._soft_limit / PARTS / self._seconds_per_cost)
        texts, total = 1, costs[0]
        while texts < len(costs) and total + costs[texts] <= bound:
            total += costs[texts]
            texts += 1
        return texts

    def took(self, cost: int, seconds: float) -> None:
        """Note how long some of a batch took: slowness counts at once, speed little by little."""
        now, before = seconds / cost, self._seconds_per_cost or 0.0
        self._seconds_per_cost = max(now, before + FORGETTING * (now - before))

    def is_over(self, seconds: float) -> bool:
        """Say whether a batch that has taken so long is to be ended."""
        return seconds >= self._soft_limit
