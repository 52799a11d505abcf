"""The values the dispatcher deals in: tasks, attempts, windows, poison."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from newstally_protos.tracing.traceparent import Traceparent

StreamKey: TypeAlias = Hashable
"""What a session calls itself: unique over the life of the process."""
LinkKey: TypeAlias = Hashable
"""What a link calls itself: unique among the links that are up."""


@dataclass(frozen=True, slots=True)
class Task:
    """One admitted article of one stream. Its identity is (stream, offset)."""

    stream: StreamKey
    """Whose it is."""
    offset: int
    """Its position in the upload."""
    publication: str
    """Trimmed; at most 512 bytes."""
    article_id: str
    """At most 256 bytes."""
    content: str
    """What the replica gets."""
    size_bytes: int
    """Bytes of the content; what windows and fairness count."""
    day: int | None = None
    """The day that it was published on, if that is known: see newstally_protos.days."""
    admitted_at: float = field(default=0.0, compare=False)
    """When its memory was granted."""
    trace: Traceparent | None = field(default=None, compare=False)
    """Its span, if it has one: passed on, and looked at by nobody who decides."""


class Attempt(NamedTuple):
    """A task to be sent on a link now."""

    link: LinkKey
    """Where to."""
    attempt_id: int
    """Unique over all attempts of the dispatcher, at least 1."""
    task: Task
    """What."""
    alone: bool
    """It is suspected of killing replicas: a model batch of its own."""


@dataclass(frozen=True, slots=True)
class Window:
    """How much may be unanswered on a link. What is below 1 counts as 1."""

    articles: int
    """Articles."""
    size_bytes: int
    """Bytes of content. One article may exceed it if nothing else is outstanding."""


class Oldest(NamedTuple):
    """The article that a replica has had for longest."""

    stream: StreamKey
    """Whose it is."""
    offset: int
    size_bytes: int
    running: bool
    """Whether the model works on it; otherwise it waits there."""
    since: float
    """When that began."""


class Times(Protocol):
    """Takes how long a stage took."""

    def observe(self, seconds: float, now: float) -> None:
        """Note one."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """What is measured of each article."""

    waiting: Times
    """From its admission until a replica begins."""
    extraction: Times
    """From there until its answer."""


@dataclass(frozen=True, slots=True)
class Poisoned:
    """A task that is given up: replicas die of it, or run out of time."""

    task: Task
    """What; the dispatcher has forgotten it."""
