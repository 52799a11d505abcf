"""Carries out what dispatching decides: turns of the event loop, a timer, logs and metrics."""

import asyncio

import structlog

from newstally_gateway.alarm import Alarm
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.replicas.dispatching import ClientStream, Dispatching
from newstally_gateway.core.tasks import Task
from newstally_gateway.metrics import Metrics

log = structlog.get_logger()


class DispatchLoop:
    """Owns dispatching. Everything here runs in short turns of the event loop."""

    def __init__(self, dispatcher: Dispatcher, metrics: Metrics) -> None:
        """Call it on the event loop that serves."""
        self.dispatching = Dispatching(dispatcher, self)
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._assigning = False
        self._alarm = Alarm(self._loop, self._expire)
        self._queued = 0
        metrics.queued.set_function(lambda: self._queued)
        metrics.suspects.set_function(lambda: dispatcher.suspects)

    @property
    def queued(self) -> int:
        """How many articles waited for a link after the last dispatch. Safe from any thread."""
        return self._queued

    def stirred(self) -> None:
        """Let everything that happens in this turn of the loop be dispatched together."""
        if not self._assigning:
            self._assigning = True
            self._loop.call_soon(self._assign)

    def requeued(self, articles: int) -> None:
        """Count them."""
        self._metrics.requeued.inc(articles)

    def took_long(self, stream: ClientStream, task: Task, seconds: float) -> None:
        """Log it, and where the article is; never its text."""
        log.warning(
            "article took long",
            **stream.where,
            offset=task.offset,
            bytes=task.size_bytes,
            seconds=round(seconds, 1),
        )

    def given_up(self, stream: ClientStream, task: Task) -> None:
        """Log it: an operator may want to look at the article."""
        log.warning("article given up", **stream.where, offset=task.offset)

    def _assign(self) -> None:
        self._assigning = False
        self.dispatching.assign(self._loop.time())
        self._queued = self.dispatching.queued
        self._arm()

    def _arm(self) -> None:
        """Have the timer fire no later than the next deadline. Firing early does no harm."""
        self._alarm.set(self.dispatching.next_deadline(self._loop.time()))

    def _expire(self) -> None:
        self.dispatching.expire(self._loop.time())
        self._arm()
