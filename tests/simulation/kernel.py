"""Virtual time: a queue of events, one source of chance, nothing else that moves."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any


class ViolationError(AssertionError):
    """Something happened that must not happen."""


class Life:
    """How long something lives. What was scheduled for it does not happen after its end."""

    __slots__ = ("_ended", "_parent", "root")

    def __init__(self, parent: "Life | None" = None) -> None:
        self._ended = False
        self._parent = parent
        self.root: Life = self if parent is None else parent.root
        """The process, or the world, that it is part of."""

    @property
    def alive(self) -> bool:
        """Whether it lives, and all that it lives in."""
        life: Life | None = self
        while life is not None:
            if life._ended:
                return False
            life = life._parent
        return True

    def end(self) -> None:
        """End it, and all that lives in it."""
        self._ended = True


class Kernel:
    """Runs events in order of time, equal ones in order of their scheduling.

    The same seed gives the same run, on any machine: nothing here or in the actors may depend on
    the wall clock, on object identities or on the order of sets.
    """

    def __init__(self, seed: int, write: Callable[[str], None] | None = None) -> None:
        """`write` gets the lines of the trace, if one is wanted."""
        self.random = random.Random(seed)
        self.now = 0.0
        """Seconds."""
        self.steps = 0
        self.acted = Life()
        """Whose event was the last one: a process, or the world."""
        self.seen: Counter[str] = Counter()
        """How often what happened: a run that meets no trouble proves nothing."""
        self._write = write
        self._queue: list[tuple[float, int, Life, Callable[..., None], tuple[Any, ...]]] = []
        self._sequence = count()

    def at(self, when: float, life: Life, action: Callable[..., None], *args: Any) -> None:
        """Schedule an action of something that lives."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._sequence), life, action, args))

    def after(self, delay: float, life: Life, action: Callable[..., None], *args: Any) -> None:
        """Schedule an action `delay` seconds from now."""
        self.at(self.now + delay, life, action, *args)

    def step(self) -> bool:
        """Run the next event; False when there is none."""
        while self._queue:
            self.now, _, life, action, args = heapq.heappop(self._queue)
            if life.alive:
                self.steps += 1
                self.acted = life.root
                action(*args)
                return True
        return False

    def note(self, template: str, *args: Any) -> None:
        """Write a line of the trace."""
        if self._write is not None:
            self._write(f"{self.now:10.4f} {template % args}")

    def saw(self, what: str) -> None:
        """Count something worth meeting."""
        self.seen[what] += 1
        if self._write is not None:
            self.note("(%s)", what)

    def chance(self, probability: float) -> bool:
        """Return True with the probability."""
        return self.random.random() < probability
