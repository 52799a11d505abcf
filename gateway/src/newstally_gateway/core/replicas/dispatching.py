"""Brings articles from client streams to links and outcomes back; the dispatcher decides."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Protocol

from newstally_protos.v1.extractor_pb2 import Result

from newstally_gateway.core.outcomes import Outcome, judge, refuse_poisoned
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import (
    Attempt,
    LinkKey,
    Oldest,
    Poisoned,
    StreamKey,
    Task,
    Window,
)

LONG_MICROS = 5_000_000
"""An article that takes so much of a replica's processor time is worth a line in the log."""


class ClientStream(Protocol):
    """Where articles come from and their outcomes go."""

    @property
    def where(self) -> Mapping[str, str]:
        """Its upload and its trace, for logs."""
        ...

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        ...

    def poke(self, now: float) -> None:
        """Look at what has become ready; called once after one or more `ready`."""
        ...


class Outgoing(Protocol):
    """Where articles go: a link that is up. It is its own key for the dispatcher."""

    def __hash__(self) -> int: ...

    def send(self, attempts: list[Attempt]) -> None:
        """Send these soon."""
        ...

    def withdraw(self, ids: list[int]) -> None:
        """Say that nobody waits for the answers to these attempts any more."""
        ...

    def expire(self, now: float) -> None:
        """End the link, whatever is unanswered, and report it down: it ran out of time."""
        ...


class Effects(Protocol):
    """What dispatching wants to be done."""

    def stirred(self) -> None:
        """Call `assign` soon, once for all that happens until then."""
        ...

    def requeued(self, articles: int) -> None:
        """Note that a link that went down gave back so many articles."""
        ...

    def took_long(self, stream: ClientStream, task: Task, seconds: float) -> None:
        """Note that a replica worked on an article for long."""
        ...

    def given_up(self, stream: ClientStream, task: Task) -> None:
        """Note that an article is refused as POISON."""
        ...


class Dispatching:
    """Owns the dispatcher, and knows the streams and links behind its keys."""

    def __init__(self, dispatcher: Dispatcher, effects: Effects) -> None:
        self._dispatcher = dispatcher
        self._effects = effects
        self._streams: dict[StreamKey, ClientStream] = {}
        self._links: dict[LinkKey, Outgoing] = {}
        self._spent: dict[StreamKey, Callable[[int], None]] = {}

    @property
    def links_up(self) -> int:
        """How many links are up."""
        return len(self._links)

    @property
    def queued(self) -> int:
        """How many articles wait for a link."""
        return self._dispatcher.queued

    def oldest(self, link: LinkKey) -> Oldest | None:
        """Return what a link has had for longest; None if it has nothing, or is not up."""
        return self._dispatcher.oldest(link)

    # The client streams' side

    def open(
        self,
        key: StreamKey,
        stream: ClientStream,
        owner: Hashable = None,
        weight: int = 1,
        spent: Callable[[int], None] | None = None,
    ) -> None:
        """Take in a stream; owners take turns, by their weights, and then their streams.

        `spent` is told what each article took of an extractor, in microseconds.
        """
        self._streams[key] = stream
        if spent is not None:
            self._spent[key] = spent
        self._dispatcher.open(key, owner, weight)

    def close(self, key: StreamKey) -> None:
        """Forget a stream and its articles."""
        del self._streams[key]
        self._spent.pop(key, None)
        self._dispatcher.discard(key)
        self._effects.stirred()

    def add(self, task: Task) -> None:
        """Queue an article; its outcome goes to its stream."""
        self._dispatcher.add(task)
        self._effects.stirred()

    def discard(self, key: StreamKey, below: int) -> None:
        """Forget the stream's articles under an offset: settled elsewhere."""
        self._dispatcher.discard(key, below)
        self._effects.stirred()

    # The links' side

    def link_up(
        self,
        link: Outgoing,
        instance_id: str,
        window: Window,
        now: float,
        replica: Hashable = None,
    ) -> None:
        """Take in a link to a replica that was welcomed."""
        self._links[link] = link
        self._dispatcher.link_up(link, instance_id, window, now, replica)
        self._effects.stirred()

    def link_window(self, link: Outgoing, window: Window) -> None:
        """Note that the replica takes more, or less."""
        self._dispatcher.link_window(link, window)
        self._effects.stirred()

    def link_draining(self, link: Outgoing) -> None:
        """Send nothing new there, and suspect nothing when it ends."""
        self._dispatcher.link_draining(link)
        self._effects.stirred()

    def link_down(self, link: Outgoing, now: float, *, clean: bool) -> None:
        """Queue again what the link has not answered; `clean`: nothing of it is suspect."""
        if self._links.pop(link, None) is None:
            return
        queued = self._dispatcher.queued
        poisoned = self._dispatcher.link_down(link, now, clean=clean)
        self._effects.requeued(max(self._dispatcher.queued - queued, 0))
        for given_up in poisoned:
            self._refuse(given_up, now)
        self._effects.stirred()

    def started(self, link: Outgoing, ids: Iterable[int], now: float) -> None:
        """Note that a model batch begins."""
        self._dispatcher.started(link, ids, now)

    def answered(
        self, link: Outgoing, results: Iterable[Result], model: str, now: float
    ) -> str | None:
        """Take results; return what breaks the protocol in the last bad one, if any does."""
        defect: str | None = None
        touched: dict[StreamKey, ClientStream] = {}
        for result in results:
            task = self._dispatcher.answered(link, result.id, now, result.cost_micros)
            stream = None if task is None else self._streams.get(task.stream)
            if task is None or stream is None:
                continue
            if self._spent and (spent := self._spent.get(task.stream)) is not None:
                spent(result.cost_micros)
            if result.cost_micros >= LONG_MICROS:
                self._effects.took_long(stream, task, result.cost_micros / 1e6)
            judged = judge(task, result, model)
            defect = judged.defect or defect
            stream.ready(task.offset, judged.outcome, now)
            touched[task.stream] = stream
        for stream in touched.values():
            stream.poke(now)
        self._effects.stirred()
        return defect

    def handed_back(self, link: Outgoing, ids: Iterable[int], now: float) -> None:
        """Queue again what the replica has not begun."""
        self._dispatcher.handed_back(link, ids, now)
        self._effects.stirred()

    # The clock's side

    def assign(self, now: float) -> None:
        """Give the links all that can be sent now, and take back what nobody waits for."""
        sends: dict[LinkKey, list[Attempt]] = {}
        for attempt in self._dispatcher.assign(now):
            sends.setdefault(attempt.link, []).append(attempt)
        for link, attempts in sends.items():
            self._links[link].send(attempts)
        withdrawn: dict[LinkKey, list[int]] = {}
        for link, attempt_id in self._dispatcher.withdrawn():
            withdrawn.setdefault(link, []).append(attempt_id)
        for link, ids in withdrawn.items():
            if link in self._links:
                self._links[link].withdraw(ids)

    def next_deadline(self, now: float) -> float | None:
        """Return when to call `expire` next, if nothing happens before."""
        return self._dispatcher.next_deadline(now)

    def expire(self, now: float) -> None:
        """Break the links that have run out of time; let what is due be sent."""
        for link in self._dispatcher.expired(now):
            self._links[link].expire(now)
        self._effects.stirred()

    def _refuse(self, poisoned: Poisoned, now: float) -> None:
        task = poisoned.task
        stream = self._streams.get(task.stream)
        if stream is not None:
            self._effects.given_up(stream, task)
            stream.ready(task.offset, refuse_poisoned(poisoned), now)
            stream.poke(now)
