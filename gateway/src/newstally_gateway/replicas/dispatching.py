"""Brings articles from the sessions to the links and outcomes back; the dispatcher decides."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog
from newstally_protos.v1.extractor_pb2 import Result

from newstally_gateway.core.outcomes import Outcome, judge, refuse_poisoned
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, StreamKey, Task, Window
from newstally_gateway.metrics import Metrics

log = structlog.get_logger()


class ClientStream(Protocol):
    """Where articles come from: a session."""

    @property
    def upload_id(self) -> str:
        """Its upload, for logs."""
        ...

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        ...

    def poke(self, now: float) -> None:
        """Look at what has become ready; called once after one or more `ready`."""
        ...


class LinkEnd(Protocol):
    """Where articles go: a connection to a replica. It is its own key for the dispatcher."""

    def __hash__(self) -> int: ...

    @property
    def address(self) -> str:
        """The replica, for logs."""
        ...

    def send(self, attempts: list[Attempt]) -> None:
        """Send these soon; must not block."""
        ...

    def break_off(self, reason: str) -> None:
        """End the connection; it is down for the dispatcher already."""
        ...


class Dispatching:
    """Owns the dispatcher. Everything here runs in short turns of the event loop."""

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics) -> None:
        self._dispatcher = dispatcher
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._streams: dict[StreamKey, ClientStream] = {}
        self._links: set[LinkEnd] = set()
        self._pumping = False
        self._timer: asyncio.TimerHandle | None = None
        self._queued = 0
        metrics.queued.set_function(lambda: self._queued)

    @property
    def links_up(self) -> int:
        """How many links are up."""
        return len(self._links)

    @property
    def queued(self) -> int:
        """How many articles waited for a link after the last dispatch. Safe from any thread."""
        return self._queued

    def open(self, key: StreamKey, stream: ClientStream) -> None:
        """Take in a session."""
        self._streams[key] = stream

    def close(self, stream: StreamKey) -> None:
        """Forget a session and its articles."""
        del self._streams[stream]
        self._dispatcher.discard(stream)
        self._pump_soon()

    def add(self, task: Task) -> None:
        """Queue an article; its outcome goes to its stream."""
        self._dispatcher.add(task)
        self._pump_soon()

    def discard(self, stream: StreamKey, below: int) -> None:
        """Forget the stream's articles under an offset: settled elsewhere."""
        self._dispatcher.discard(stream, below)
        self._pump_soon()

    def link_up(self, link: LinkEnd, instance_id: str, window: Window) -> None:
        """Take in a connection that was welcomed."""
        self._links.add(link)
        self._dispatcher.link_up(link, instance_id, window, self._loop.time())
        self._pump_soon()

    def link_window(self, link: LinkEnd, window: Window) -> None:
        """Note that the replica takes more, or less."""
        self._dispatcher.link_window(link, window)
        self._pump_soon()

    def link_draining(self, link: LinkEnd) -> None:
        """Send nothing new there."""
        self._dispatcher.link_draining(link)

    def link_down(self, link: LinkEnd, *, clean: bool) -> None:
        """Queue again what the connection has not answered. Ignored when it is down already."""
        if link not in self._links:
            return
        self._links.discard(link)
        queued = self._dispatcher.queued
        poisoned = self._dispatcher.link_down(link, clean=clean)
        self._metrics.requeued.inc(max(self._dispatcher.queued - queued, 0))
        now = self._loop.time()
        for given_up in poisoned:
            task = given_up.task
            stream = self._streams.get(task.stream)
            if stream is not None:
                log.warning("article given up", upload_id=stream.upload_id, offset=task.offset)
                stream.ready(task.offset, refuse_poisoned(given_up), now)
                stream.poke(now)
        self._pump_soon()

    def started(self, link: LinkEnd, ids: Iterable[int]) -> None:
        """Note that a model batch begins."""
        self._dispatcher.started(link, ids, self._loop.time())

    def answered(self, link: LinkEnd, results: Iterable[Result], model: str) -> str | None:
        """Take results; return what breaks the protocol in the last bad one, if any does."""
        now = self._loop.time()
        defect: str | None = None
        touched: set[ClientStream] = set()
        for result in results:
            task = self._dispatcher.answered(link, result.id, now)
            stream = None if task is None else self._streams.get(task.stream)
            if task is None or stream is None:
                continue
            judged = judge(task, result, model)
            defect = judged.defect or defect
            stream.ready(task.offset, judged.outcome, now)
            touched.add(stream)
        for stream in touched:
            stream.poke(now)
        self._pump_soon()
        return defect

    def _pump_soon(self) -> None:
        """Let everything that happens in this turn of the loop be dispatched together."""
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        sends: dict[LinkEnd, list[Attempt]] = {}
        for attempt in self._dispatcher.assign(self._loop.time()):
            # Links are known to the dispatcher by no other key than themselves.
            sends.setdefault(attempt.link, []).append(attempt)  # type: ignore[arg-type]
        for link, attempts in sends.items():
            link.send(attempts)
        self._queued = self._dispatcher.queued
        self._arm()

    def _arm(self) -> None:
        """Have the timer fire no later than the next deadline. Firing early does no harm."""
        deadline = self._dispatcher.next_deadline()
        if deadline is None or (self._timer is not None and self._timer.when() <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        for key in self._dispatcher.expired(self._loop.time()):
            link: LinkEnd = key  # type: ignore[assignment] # see _pump
            log.warning("replica too slow", link=link.address, remedy="see --article-timeout")
            self.link_down(link, clean=False)
            link.break_off("an article ran out of time")
        self._arm()
