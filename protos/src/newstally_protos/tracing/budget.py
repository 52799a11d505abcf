"""How many spans may be begun: so many a second, and some at once. Pure: time is given."""


class Budget:
    """Grants spans; peers cannot have more of them recorded, whatever they say."""

    def __init__(self, per_second: float, at_once: int) -> None:
        self._per_second = per_second
        self._at_once = float(at_once)
        self._left = self._at_once
        self._at = float("-inf")

    def grants(self, now: float) -> bool:
        """Whether one more may be begun; if so, it counts. `now`: seconds that only grow."""
        grown = (now - self._at) * self._per_second
        self._left = min(self._at_once, self._left + max(grown, 0.0))
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
