"""What an article cost beyond what its length lets one expect."""

LARGEST_SURCHARGE_BYTES = 4 * 1024 * 1024
"""However slow a replica was: as much as four of the longest articles."""
LASTING_BYTES = 1024 * 1024
"""How much text it takes until what was usual before is mostly forgotten."""


class Costs:
    """Knows what a byte usually costs: a moving mean over what was answered, by bytes."""

    def __init__(self) -> None:
        self._micros_per_byte = 0.0

    def surcharge(self, size_bytes: int, cost_micros: int) -> int:
        """Return for how many bytes more an article counts than it has; negative if for less."""
        cost = cost_micros / max(1, size_bytes)
        if not self._micros_per_byte:
            self._micros_per_byte = cost
        worth = cost_micros / self._micros_per_byte
        # One costly article shall not make costly what is usual: it moves the mean no further
        # than one that costs twice as much as usual.
        share = min(1.0, size_bytes / LASTING_BYTES)
        self._micros_per_byte += share * (
            min(cost, 2 * self._micros_per_byte) - self._micros_per_byte
        )
        return min(int(worth) - size_bytes, LARGEST_SURCHARGE_BYTES)
