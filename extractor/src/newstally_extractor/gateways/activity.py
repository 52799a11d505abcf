"""What a replica did lately, as it says on its links. Pure: time is given."""

from newstally_runtime.observing.recent import Rate


class Activity:
    """Counts how long the model worked."""

    def __init__(self, now: float) -> None:
        """Begin with nothing."""
        self._worked = Rate(now)
        self._batch_began: float | None = None
        self._noted_at = now

    def began(self, now: float) -> None:
        """Note that a model batch begins."""
        self._batch_began = self._noted_at = now

    def ended(self, now: float) -> None:
        """Note that it has ended."""
        self._note(now)
        self._batch_began = None

    def busy(self, now: float) -> float:
        """Return the part of the last minute in which the model worked, 0 to 1."""
        self._note(now)
        return min(1.0, self._worked.per_second(now))

    def _note(self, now: float) -> None:
        """Note what the batch that runs has taken since it was noted."""
        if self._batch_began is not None:
            self._worked.add(now - self._noted_at, now)
            self._noted_at = now
