"""When to flush. Pure: time comes in as seconds of a monotonic clock.

A trickle is flushed as soon as its oldest batch has the age: there is little to coalesce. A flood
waits for the window, so that each entity is written once for many articles, and is flushed earlier
when it ends (nothing came for as long as the age) or when too many rows wait.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FlushLimits:
    """What may wait in the heap before it is cut."""

    age_seconds: float
    """How long a trickle's oldest batch waits, and how long a flood waits for more."""
    rows: int
    """Rows added or changed."""
    window_seconds: float = 0.0
    """How long a flood's oldest batch waits, if that is longer than the age."""
    trickle_rows: int = 1_000
    """Rows below which it is a trickle: they fit into one commit."""


class Backlog:
    """What was settled since the last cut, with tallies or without."""

    def __init__(self, limits: FlushLimits) -> None:
        self._limits = limits
        self._oldest: float | None = None
        self._newest = 0.0
        self._rows = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return self._oldest is None

    def add(self, rows: int, now: float) -> None:
        """Note a batch that was recorded; one of refusals has no rows, and waits all the same."""
        if self._oldest is None:
            self._oldest = now
        self._newest = now
        self._rows += rows

    def cut(self) -> None:
        """Note that a cut begins.

        What is recorded while it runs may be in it or in the next one, so it counts as waiting: a
        cut of nothing costs little.
        """
        self._oldest = None
        self._rows = 0

    def due_at(self) -> float | None:
        """Return when to flush: a time (in the past: now), or None while nothing waits."""
        if self._oldest is None:
            return None
        limits = self._limits
        if self._rows >= limits.rows:
            return self._oldest
        if self._rows < limits.trickle_rows:
            return self._oldest + limits.age_seconds
        window = max(limits.window_seconds, limits.age_seconds)
        return min(self._oldest + window, self._newest + limits.age_seconds)

    def age_seconds(self, now: float) -> float:
        """Return how long the oldest batch waits; 0 when nothing does."""
        return 0.0 if self._oldest is None else now - self._oldest
