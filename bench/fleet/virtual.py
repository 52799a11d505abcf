"""Virtual time: what happens when."""

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class Clock:
    """Runs actions in the order of their times, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Action]] = []

    def at(self, when: float, action: Action) -> None:
        """Run the action then, behind what is due at the same time already."""
        heapq.heappush(self._due, (when, next(self._numbers), action))

    def after(self, seconds: float, action: Action) -> None:
        """Run the action so many seconds from now."""
        self.at(self.now + seconds, action)

    def run(self, until: float) -> None:
        """Run all that is due before `until`."""
        while self._due and self._due[0][0] < until:
            self.now, _, action = heapq.heappop(self._due)
            action()
        self.now = until
