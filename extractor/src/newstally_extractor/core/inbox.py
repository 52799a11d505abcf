"""Which articles form the next model batch. Pure: no clock, no I/O."""

from collections import deque
from collections.abc import Set
from dataclasses import dataclass
from typing import Generic, TypeVar

from newstally_protos.tracing.traceparent import Traceparent

LinkT = TypeVar("LinkT")


@dataclass(frozen=True, slots=True)
class Work(Generic[LinkT]):
    """One attempt at one article, from one link."""

    link: LinkT
    id: int
    content: str
    size_bytes: int
    """Of the content, in UTF-8."""
    alone: bool = False
    """Suspected of killing replicas: shares a model batch with nothing."""
    cost: int = 0
    """Estimated, in characters of prose."""
    taken_at: float = 0.0
    """When it came."""
    trace: Traceparent | None = None
    """Its span, if it has one: passed on, and looked at by nobody who decides."""


class Inbox(Generic[LinkT]):
    """The work that waits, of all links, in order of arrival.

    Suspects have a line of their own, and every other model batch while both lines wait: an upload
    is settled in order, so all of it would stand still while each of its suspects waits behind a
    whole window of ordinary work.
    """

    def __init__(self, batch_chars: int, batch_articles: int) -> None:
        """Bound a batch in cost (one that costs more alone is a batch) and in articles.

        `batch_chars`: the cost of so many characters of prose.
        """
        self._batch_chars = batch_chars
        self._batch_articles = batch_articles
        self._waiting: deque[Work[LinkT]] = deque()
        self._suspects: deque[Work[LinkT]] = deque()
        self._suspect_had_turn = False
        self._size_bytes = 0

    @property
    def articles(self) -> int:
        """How many articles wait."""
        return len(self._waiting) + len(self._suspects)

    @property
    def size_bytes(self) -> int:
        """How many bytes of content wait."""
        return self._size_bytes

    def add(self, work: Work[LinkT]) -> None:
        """Put work at the end of its line."""
        (self._suspects if work.alone else self._waiting).append(work)
        self._size_bytes += work.size_bytes

    def drop(self, link: LinkT) -> None:
        """Forget what waits of a link that is gone."""
        self._waiting = deque(work for work in self._waiting if work.link is not link)
        self._suspects = deque(work for work in self._suspects if work.link is not link)
        self._size_bytes = sum(work.size_bytes for work in (*self._waiting, *self._suspects))

    def withdraw(self, link: LinkT, ids: Set[int]) -> list[Work[LinkT]]:
        """Take these out, as far as they wait, and return them."""
        found: list[Work[LinkT]] = []
        for line in (self._waiting, self._suspects):
            for _ in range(len(line)):
                work = line.popleft()
                is_one = work.link is link and work.id in ids
                (found if is_one else line).append(work)
        self._size_bytes -= sum(work.size_bytes for work in found)
        return found

    def next_batch(self) -> list[Work[LinkT]]:
        """Take a suspect, or what waits, in order, as far as it fits; empty if nothing waits."""
        if self._suspects and not (self._suspect_had_turn and self._waiting):
            batch = [self._suspects.popleft()]
            self._suspect_had_turn = True
        else:
            batch = self._next_ordinary()
            self._suspect_had_turn = False
        self._size_bytes -= sum(work.size_bytes for work in batch)
        return batch

    def _next_ordinary(self) -> list[Work[LinkT]]:
        batch: list[Work[LinkT]] = []
        cost = 0
        while self._waiting and len(batch) < self._batch_articles:
            cost += self._waiting[0].cost
            if batch and cost > self._batch_chars:
                break
            batch.append(self._waiting.popleft())
        return batch
