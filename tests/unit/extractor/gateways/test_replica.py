"""The replica: the links' work goes through the model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from newstally_extractor.core.inbox import Inbox
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Outcome
from newstally_extractor.gateways.replica import Replica
from newstally_extractor.metrics import Metrics
from newstally_protos.v1 import extractor_pb2 as pb
from prometheus_client import CollectorRegistry


class Gate:
    """A model that works on a batch when it is let."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        self.go = asyncio.Semaphore(0)

    async def extract(self, texts: Sequence[str]) -> list[Outcome]:
        self.batches.put_nowait(texts)
        await self.go.acquire()
        return [ValueError() if text == "bad" else {(text, "ORG"): 1} for text in texts]


class Peer:
    """A gateway that reads whatever comes, unless it is paused."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.link = replica.open()
        self.received: list[pb.ExtractResponse] = []
        self.ended = asyncio.Event()
        self._news = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    def send(self, *contents: str) -> None:
        self.replica.take(
            self.link, [pb.Work(id=number, content=text) for number, text in enumerate(contents)]
        )

    def read(self) -> None:
        self._reader = asyncio.create_task(self._read())

    async def until(self, found: Callable[[list[pb.ExtractResponse]], bool]) -> None:
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: found(self.received))

    def results(self) -> list[pb.Result]:
        return [result for event in self.received for result in event.results.results]

    def windows(self) -> list[int]:
        return [e.welcome.window.articles for e in self.received if e.HasField("welcome")]

    async def leave(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        self.replica.close(self.link)

    async def _read(self) -> None:
        while (response := await self.link.next_response()) is not None:
            async with self._news:
                self.received.append(response)
                self._news.notify_all()
        self.ended.set()
        self.replica.close(self.link)


class Setup:
    def __init__(self, lone_pause_seconds: float = 0.0) -> None:
        self.model = Gate()
        self.registry = CollectorRegistry()
        self.replica = Replica(
            model=self.model,
            inbox=Inbox[Link](1_000, 10),
            window=Window(8, 1_000),
            identity=pb.Welcome(model="m"),
            max_content_bytes=100,
            metrics=Metrics(self.registry),
            stall_seconds=0.05,
            lone_pause_seconds=lone_pause_seconds,
        )

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"newstally_extractor_{name}", labels)

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        peer = Peer(self.replica)
        peer.read()
        try:
            yield peer
        finally:
            await peer.leave()


@asynccontextmanager
async def working(it: Setup) -> AsyncIterator[Setup]:
    work = asyncio.create_task(it.replica.run())
    try:
        yield it
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    async with working(Setup()) as it:
        yield it


async def test_started_comes_before_the_engine_begins(setup: Setup) -> None:
    """When the engine gets a batch, every gateway in it has been told, and with its own ids."""
    async with setup.peer() as one, setup.peer() as two:
        one.send("a", "b")
        two.send("c")
        assert await setup.model.batches.get() == ["a", "b", "c"]
        for peer, ids in ((one, [0, 1]), (two, [0])):
            started = [list(e.started.ids) for e in peer.received if e.HasField("started")]
            assert started == [ids]
            assert not peer.results()
        setup.model.go.release()
        await one.until(lambda _: len(one.results()) == 2)
        await two.until(lambda _: len(two.results()) == 1)


async def test_the_engine_pauses_before_a_suspect_only() -> None:
    """Before a suspect, and only then, Started gets time to be read by the gateway."""
    async with working(Setup(lone_pause_seconds=3_600)) as it, it.peer() as peer:
        it.model.go.release()
        peer.send("innocent")
        assert await it.model.batches.get() == ["innocent"]
        it.replica.take(peer.link, [pb.Work(id=9, content="suspect", alone=True)])
        await peer.until(lambda got: any(9 in e.started.ids for e in got))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(it.model.batches.get(), 0.02)


async def test_only_the_bad_article_is_a_failure(setup: Setup) -> None:
    """Each article gets its own answer, and failures are counted by their reason."""
    setup.model.go.release()
    async with setup.peer() as peer:
        peer.send("a", "bad", "x" * 101)
        await peer.until(lambda _: len(peer.results()) == 3)
        outcomes = {r.id: r.failure.reason for r in peer.results()}
    assert outcomes == {
        0: pb.FAILURE_REASON_UNSPECIFIED,
        1: pb.FAILURE_REASON_EXTRACTION_FAILED,
        2: pb.FAILURE_REASON_CONTENT_TOO_LONG,
    }
    assert setup.metric("failures_total", reason="EXTRACTION_FAILED") == 1
    assert setup.metric("failures_total", reason="CONTENT_TOO_LONG") == 1
    assert setup.metric("articles_total") == 3
    assert setup.metric("characters_total") == 4


async def test_links_share_the_window(setup: Setup) -> None:
    """A link's window shrinks when another comes and grows when it goes."""
    async with setup.peer() as one:
        await one.until(lambda _: one.windows() == [8])
        async with setup.peer() as two:
            await one.until(lambda _: one.windows() == [8, 4])
            await two.until(lambda _: two.windows() == [4])
        await one.until(lambda _: one.windows() == [8, 4, 8])
    assert setup.metric("links") == 0


async def test_what_waits_of_a_link_that_is_gone_is_dropped(setup: Setup) -> None:
    """Nobody works for a gateway that is not there any more; others are served."""
    async with setup.peer() as stays:
        async with setup.peer() as goes:
            stays.send("first")
            assert await setup.model.batches.get() == ["first"]
            goes.send("lost")
            stays.send("second")
        assert setup.metric("waiting_articles") == 1
        setup.model.go.release()
        assert await setup.model.batches.get() == ["second"]


async def test_a_gateway_that_does_not_read_is_cut(setup: Setup) -> None:
    """A batch does not wait for ever for one gateway; the others' part of it goes on."""
    stalled = Peer(setup.replica)
    async with setup.peer() as peer:
        stalled.send("stuck")
        peer.send("a")
        assert await setup.model.batches.get() == ["a"]
        assert setup.metric("stalled_links_total") == 1
        assert setup.metric("links") == 1
        stalled.send("more")
        assert setup.metric("waiting_articles") == 0
        stalled.read()
        await asyncio.wait_for(stalled.ended.wait(), 5)
        assert [e.WhichOneof("event") for e in stalled.received] == ["draining"]


async def test_drains_what_waits(setup: Setup) -> None:
    """Draining answers what came, then ends the streams, and is done as soon as they are."""
    async with setup.peer() as peer:
        peer.send("a")
        await setup.model.batches.get()
        peer.send("b")
        draining = asyncio.create_task(setup.replica.drain(5))
        await peer.until(lambda got: any(e.HasField("draining") for e in got))
        assert not peer.ended.is_set()
        setup.model.go.release()
        setup.model.go.release()
        await draining
        assert peer.ended.is_set()
        assert len(peer.results()) == 2


async def test_drain_ends_in_time(setup: Setup) -> None:
    """What cannot be answered in the drain time is left; the stream ends in good order."""
    async with setup.peer() as peer:
        peer.send("a")
        await setup.model.batches.get()
        await setup.replica.drain(0.05)
        assert peer.ended.is_set()
        assert not peer.results()
