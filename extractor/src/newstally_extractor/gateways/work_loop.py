"""Carries out what the replica decides: the engine, the clock, logs and metrics."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog
from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_runtime.observing.errors import Errors
from newstally_runtime.observing.tracebacks import raised

from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.core.link import Effects as LinkEffects
from newstally_extractor.core.link import Link
from newstally_extractor.core.replica import STALL_SECONDS, Replica, State
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Extracted, Text
from newstally_extractor.gateways.activity import Activity
from newstally_extractor.gateways.tracing import Tracing
from newstally_extractor.metrics import Metrics

log = structlog.get_logger()


class Extracts(Protocol):
    """What is needed of the engine."""

    async def extract(self, texts: Sequence[Text]) -> list[Extracted | None]:
        """Return what came of each text, in order; None for one that was left out."""
        ...


class WorkLoop:
    """Owns the replica. Everything but the engine runs in short turns of the event loop."""

    def __init__(
        self,
        engine: Extracts,
        inbox: Inbox[Link],
        window: Window,
        identity: pb.Welcome,
        max_content_bytes: int,
        metrics: Metrics,
        errors: Errors | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`window` is the total that the links share; `identity` is Welcome without a window.

        `errors`: where to note what articles failed with.
        """
        self._errors = errors
        self._tracing = tracing or Tracing()
        self._engine = engine
        self._metrics = metrics
        self._stirred = asyncio.Event()
        self._all_gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.activity = Activity(self._loop.time())
        """What it did lately."""
        self.replica = Replica(
            inbox, window, identity, max_content_bytes, SEND_LIMIT_BYTES, effects=self
        )

    # The links' side

    def open(self, effects: LinkEffects) -> Link:
        """Add a link."""
        link = self.replica.open(effects)
        self._show()
        return link

    def close(self, link: Link) -> None:
        """Forget a link. Again: no effect."""
        self.replica.close(link)
        self._show()
        if not self.replica.links:
            self._all_gone.set()

    def take(self, link: Link, request: pb.ExtractRequest) -> None:
        """Take what a gateway sends."""
        self.replica.take(link, request, self._loop.time())

    # What the replica wants to be done

    def stirred(self) -> None:
        """Wake `run`."""
        self._stirred.set()

    def stalled(self) -> None:
        """Count and log it."""
        log.warning("link cut: its gateway does not read", seconds=STALL_SECONDS)
        self._metrics.stalled_links.inc()

    def answered(self, results: Sequence[pb.Result]) -> None:
        """Count them."""
        self._metrics.articles.inc(len(results))
        for result in results:
            if result.HasField("failure"):
                reason = pb.FailureReason.Name(result.failure.reason)
                self._metrics.failures.labels(reason.removeprefix("FAILURE_REASON_")).inc()

    # Life

    async def run(self) -> None:
        """Work until cancelled."""
        replica = self.replica
        while True:
            self._stirred.clear()
            replica.work(self._loop.time())
            self._show()
            if replica.state is State.WORKING:
                replica.done(await self._extract(replica.batch))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout_at(replica.deadline):
                    await self._stirred.wait()

    async def drain(self, seconds: float) -> None:
        """Take no new links; answer what came, within `seconds`, and end the streams cleanly."""
        self._all_gone.clear()
        self.replica.drain()
        if not self.replica.links:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._all_gone.wait()
        except TimeoutError:
            log.warning("links end with work unanswered", articles=self.replica.waiting_articles)
            self.replica.end()
            await self._all_gone.wait()

    async def _extract(self, batch: Sequence[Work[Link]]) -> list[Extracted | None]:
        begin = self._loop.time()
        self.activity.began(begin)
        trace = self._tracing.batch(batch, begin)
        extracted = await self._engine.extract(
            [
                Text(work.content, work.cost, work.link.takes_back and not work.alone)
                for work in batch
            ]
        )
        end = self._loop.time()
        seconds = end - begin
        self.activity.ended(end)
        trace.ended(end)
        log.debug("model batch", articles=len(batch), seconds=round(seconds, 3), **trace.ids)
        done = [(work, one) for work, one in zip(batch, extracted, strict=True) if one is not None]
        self._metrics.batch_seconds.observe(seconds)
        self._metrics.batches.inc()
        self._metrics.characters.inc(sum(len(work.content) for work, _ in done))
        errors = [e.outcome for _, e in done if isinstance(e.outcome, Exception)]
        if errors:
            kinds = sorted({type(error).__name__ for error in errors})
            counts = {"errors": kinds, "batch": len(batch)}
            log.warning("articles failed in the pipeline", **counts, **trace.ids)
        if self._errors is not None:
            for error in errors:
                self._errors.note(
                    "article failed in the pipeline", raised(error), trace.ids.get("trace_id", "")
                )
        if len(done) < len(batch):
            self._metrics.handed_back.inc(len(batch) - len(done))
            slowest, one = max(done, key=lambda each: each[1].seconds)
            # Where it is in its upload is known to the gateway only, which says so.
            log.warning(
                "model batch ended early",
                seconds=round(seconds, 1),
                answered=len(done),
                handed_back=len(batch) - len(done),
                slowest_bytes=slowest.size_bytes,
                slowest_cost=slowest.cost,
                slowest_seconds=round(one.seconds, 1),
                **trace.ids,
            )
        return extracted

    def _show(self) -> None:
        self._metrics.links.set(self.replica.links)
        self._metrics.waiting_articles.set(self.replica.waiting_articles)
        self._metrics.waiting_bytes.set(self.replica.waiting_bytes)
