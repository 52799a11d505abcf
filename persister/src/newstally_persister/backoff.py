"""How long to wait before trying again."""

import random
from collections.abc import Callable, Iterator


def delays(
    first_seconds: float, largest_seconds: float, jitter: Callable[[], float] = random.random
) -> Iterator[float]:
    """Yield delays for ever: doubling up to the largest, each between half of it and all of it."""
    ceiling = first_seconds
    while True:
        yield ceiling * (0.5 + 0.5 * jitter())
        ceiling = min(largest_seconds, ceiling * 2)
