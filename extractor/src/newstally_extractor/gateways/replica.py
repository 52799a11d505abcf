"""The replica: the links' work goes through the model, batch by batch."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

import structlog
from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1 import extractor_pb2 as pb

from newstally_extractor.core.answers import answer, content_too_long, pack
from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Outcome
from newstally_extractor.metrics import Metrics

STALL_SECONDS = 5.0
"""How long a gateway may keep a model batch from beginning by not reading its Started."""
LONE_PAUSE_SECONDS = 0.05
"""How long the engine waits before it begins with a suspect, after Started has left the process.

When a process dies, the kernel may reset its connections, and a reset makes a busy peer throw
away what it has not read yet: seen once in 60 times with a backlog of results before Started.
"""

log = structlog.get_logger()


class Extracts(Protocol):
    """What the replica needs of the model."""

    async def extract(self, texts: list[str]) -> list[Outcome]:
        """Return an outcome per text, in order."""
        ...


class Replica:
    """Owns the links and the work that waits; feeds the model."""

    def __init__(
        self,
        model: Extracts,
        inbox: Inbox[Link],
        window: Window,
        identity: pb.Welcome,
        max_content_bytes: int,
        metrics: Metrics,
        stall_seconds: float = STALL_SECONDS,
        lone_pause_seconds: float = LONE_PAUSE_SECONDS,
    ) -> None:
        """`window` is the total that the links share; `identity` is Welcome without a window."""
        self._model = model
        self._inbox = inbox
        self._window = window
        self._identity = identity
        self._max_content_bytes = max_content_bytes
        self._metrics = metrics
        self._stall_seconds = stall_seconds
        self._lone_pause_seconds = lone_pause_seconds
        self._links: set[Link] = set()
        self._work_waits = asyncio.Event()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self.draining = False

    @property
    def links(self) -> int:
        """How many links are open."""
        return len(self._links)

    @property
    def waiting_articles(self) -> int:
        """How many articles wait for a model batch."""
        return self._inbox.articles

    def open(self) -> Link:
        """Add a link; the others' windows shrink."""
        link = Link(self._identity, self._window.share(len(self._links) + 1))
        self._links.add(link)
        self._all_gone.clear()
        self._share_window()
        return link

    def close(self, link: Link) -> None:
        """Forget a link and what waits of it; the others' windows grow. Again: no effect."""
        link.close()
        if link in self._links:
            self._links.remove(link)
            self._inbox.drop(link)
            self._share_window()
            self._show_waiting()
            if not self._links:
                self._all_gone.set()

    def take(self, link: Link, works: Iterable[pb.Work]) -> None:
        """Let work from a link wait for its turn; content that is too long is answered at once.

        Nobody hears of what still comes from a link that is over: it is dropped.
        """
        if link.over:
            return
        for work in works:
            size = len(work.content.encode())
            link.take(size)
            if size > self._max_content_bytes:
                refusal = content_too_long(work.id, size, self._max_content_bytes)
                self._send(link, [(refusal, size)])
            else:
                self._inbox.add(Work(link, work.id, work.content, size, work.alone))
        self._show_waiting()
        self._work_waits.set()

    async def run(self) -> None:
        """Work until cancelled. Whatever waits is taken; nothing waits for a batch to fill."""
        while True:
            await self._work_waits.wait()
            batch = self._inbox.next_batch()
            self._show_waiting()
            if not batch:
                self._work_waits.clear()
            elif announced := await self._announce(batch):
                self._answer(announced, await self._extract(announced))

    async def drain(self, seconds: float) -> None:
        """Take no new links; answer what came, within `seconds`, and end the streams cleanly."""
        self.draining = True
        for link in self._links:
            link.drain()
        try:
            async with asyncio.timeout(seconds):
                await self._all_gone.wait()
        except TimeoutError:
            log.warning("links end with work unanswered", articles=self._inbox.articles)
            for link in self._links:
                link.end()
        await self._all_gone.wait()

    async def _announce(self, batch: list[Work[Link]]) -> list[Work[Link]]:
        """Send each link its Started; return the work whose gateway has been told."""
        ids: defaultdict[Link, list[int]] = defaultdict(list)
        for work in batch:
            ids[work.link].append(work.id)
        told = {link: link.announce(of_link) for link, of_link in ids.items()}
        await asyncio.wait(told.values(), timeout=self._stall_seconds)
        for link, sent in told.items():
            if not sent.done():
                log.warning("link cut: its gateway does not read", seconds=self._stall_seconds)
                self._metrics.stalled_links.inc()
                link.cut()
                self.close(link)
        if batch[0].alone:
            await asyncio.sleep(self._lone_pause_seconds)
        return [work for work in batch if told[work.link].result()]

    async def _extract(self, batch: list[Work[Link]]) -> list[Outcome]:
        begin = time.monotonic()
        outcomes = await self._model.extract([work.content for work in batch])
        self._metrics.batch_seconds.observe(time.monotonic() - begin)
        self._metrics.batches.inc()
        self._metrics.characters.inc(sum(len(work.content) for work in batch))
        if errors := sorted({type(e).__name__ for e in outcomes if isinstance(e, Exception)}):
            log.warning("articles failed in the pipeline", errors=errors, batch=len(batch))
        return outcomes

    def _answer(self, batch: list[Work[Link]], outcomes: list[Outcome]) -> None:
        answers: defaultdict[Link, list[tuple[pb.Result, int]]] = defaultdict(list)
        for work, outcome in zip(batch, outcomes, strict=True):
            result = answer(work.id, work.size_bytes, outcome)
            answers[work.link].append((result, work.size_bytes))
        for link, of_link in answers.items():
            self._send(link, of_link)

    def _send(self, link: Link, answers: list[tuple[pb.Result, int]]) -> None:
        sizes = iter([size for _, size in answers])
        for group in pack([result for result, _ in answers], SEND_LIMIT_BYTES):
            link.answer(group, [next(sizes) for _ in group])
        self._metrics.articles.inc(len(answers))
        for result, _ in answers:
            if result.HasField("failure"):
                reason = pb.FailureReason.Name(result.failure.reason)
                self._metrics.failures.labels(reason.removeprefix("FAILURE_REASON_")).inc()

    def _share_window(self) -> None:
        share = self._window.share(len(self._links))
        for link in self._links:
            link.set_window(share)
        self._metrics.links.set(len(self._links))

    def _show_waiting(self) -> None:
        self._metrics.waiting_articles.set(self._inbox.articles)
        self._metrics.waiting_bytes.set(self._inbox.size_bytes)
