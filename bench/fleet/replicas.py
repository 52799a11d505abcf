"""Simulated replicas: the extractor's own inbox, and a model that takes time by bytes."""

from collections.abc import Sequence
from typing import Protocol

from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.settings import ExtractorSettings

from fleet.virtual import Action, Clock

LATENCY_SECONDS = 0.0005
"""From a gateway to a replica, or back."""
_FIELDS = ExtractorSettings.model_fields
BATCH_CHARS: int = _FIELDS["batch_chars"].default
BATCH_ARTICLES: int = _FIELDS["batch_articles"].default


class Gateway(Protocol):
    """Where a replica's answers go."""

    def started(self, replica: "Replica", ids: Sequence[int]) -> None:
        """Hear that a model batch begins."""
        ...

    def answered(self, replica: "Replica", ids: Sequence[int]) -> None:
        """Hear that it is done."""
        ...


class Replica:
    """One process with one core."""

    def __init__(self, clock: Clock, name: int, bytes_per_second: float) -> None:
        self.name = name
        self.generation = 0
        self.busy_seconds = 0.0
        self._clock = clock
        self._speed = bytes_per_second
        self._inbox: Inbox[Gateway] = Inbox(BATCH_CHARS, BATCH_ARTICLES)
        self._works = False

    def receive(self, works: Sequence[Work[Gateway]], generation: int) -> None:
        """Take works in, unless the process that they were sent to is gone."""
        if generation == self.generation:
            for work in works:
                self._inbox.add(work)
            self._go_on()

    def die(self) -> None:
        """Forget everything; whoever comes after is another process."""
        self.generation += 1
        self._inbox = Inbox(BATCH_CHARS, BATCH_ARTICLES)
        self._works = False

    def _go_on(self) -> None:
        if self._works:
            return
        batch = self._inbox.next_batch()
        if not batch:
            return
        self._works = True
        generation, began = self.generation, self._clock.now
        by_gateway: dict[Gateway, list[int]] = {}
        for work in batch:
            by_gateway.setdefault(work.link, []).append(work.id)
        seconds = sum(work.size_bytes for work in batch) / self._speed
        for gateway, ids in by_gateway.items():
            self._tell(generation, lambda g=gateway, i=ids: g.started(self, i))  # type: ignore[misc]

        def done() -> None:
            if generation != self.generation:
                return
            self.busy_seconds += self._clock.now - began
            for gateway, ids in by_gateway.items():
                self._tell(generation, lambda g=gateway, i=ids: g.answered(self, i))  # type: ignore[misc]
            self._works = False
            self._go_on()

        self._clock.after(seconds, done)

    def _tell(self, generation: int, action: Action) -> None:
        def arrive() -> None:
            if generation == self.generation:
                action()

        self._clock.after(LATENCY_SECONDS, arrive)
