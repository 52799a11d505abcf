"""What a replica did lately, as it says on its links. Pure: time is given."""

from newstally_runtime.observing.recent import Rate


class Activity:
    """Counts answers, and how long the model worked."""

    def __init__(self, now: float) -> None:
        """Begin with nothing."""
        self._answered = Rate(now)
        self._worked = Rate(now)
        self._batch_began: float | None = None
        self._noted_at = now

    def answered(self, articles: int, now: float) -> None:
        """Note answers."""
        self._answered.add(articles, now)

    def began(self, now: float) -> None:
        """Note that a model batch begins."""
        self._batch_began = self._noted_at = now

    def ended(self, now: float) -> None:
        """Note that it has ended."""
        self._note(now)
        self._batch_began = None

    def articles_per_second(self, now: float) -> float:
        """Return how many were answered per second, over the last minute."""
        return self._answered.per_second(now)

    def busy(self, now: float) -> float:
        """Return the part of the last minute in which the model worked, 0 to 1."""
        self._note(now)
        return min(1.0, self._worked.per_second(now))

    def batch_seconds(self, now: float) -> float:
        """Return how long the model batch that runs has taken; 0: none runs."""
        return 0.0 if self._batch_began is None else now - self._batch_began

    def _note(self, now: float) -> None:
        """Note what the batch that runs has taken since it was noted."""
        if self._batch_began is not None:
            self._worked.add(now - self._noted_at, now)
            self._noted_at = now
