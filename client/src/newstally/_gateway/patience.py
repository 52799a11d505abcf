"""How long to go on without success."""


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
