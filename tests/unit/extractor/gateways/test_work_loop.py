"""The engine, the clock and the streams of a replica."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from newstally_extractor.core.inbox import Inbox
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Extracted, Text
from newstally_extractor.gateways.link_service import Stream
from newstally_extractor.gateways.work_loop import WorkLoop
from newstally_extractor.metrics import Metrics
from newstally_protos.v1 import extractor_pb2 as pb
from prometheus_client import CollectorRegistry


class Engine:
    """Works on a batch when it is let."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[Sequence[str]] = asyncio.Queue()
        self.go = asyncio.Semaphore(0)

    async def extract(self, texts: Sequence[Text]) -> list[Extracted | None]:
        contents = [text.content for text in texts]
        self.batches.put_nowait(contents)
        await self.go.acquire()
        return [
            Extracted(ValueError() if text == "bad" else {(text, "ORG"): 1}) for text in contents
        ]


class Rig:
    def __init__(self) -> None:
        self.engine = Engine()
        self.registry = CollectorRegistry()
        self.work = WorkLoop(
            engine=self.engine,
            inbox=Inbox[Link](1_000, 10),
            window=Window(2, 1_000),
            identity=pb.Welcome(model="m"),
            max_content_bytes=100,
            metrics=Metrics(self.registry),
        )

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"newstally_extractor_{name}", labels)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    running = asyncio.create_task(rig.work.run())
    yield rig
    running.cancel()
    await asyncio.wait({running})


class Peer:
    """A gateway at the other end of a stream, which reads all the time."""

    def __init__(self, rig: Rig) -> None:
        self.stream = Stream(rig.work)
        self.requests: asyncio.Queue[pb.ExtractRequest | Exception] = asyncio.Queue()
        self.taken = 0
        self.results: asyncio.Queue[pb.Result] = asyncio.Queue()
        self.reader = asyncio.create_task(self.stream.read(self._requests()))
        self.writer = asyncio.create_task(self._responses())

    def send(self, *contents: str) -> None:
        works = [pb.Work(id=number, content=text) for number, text in enumerate(contents)]
        self.requests.put_nowait(pb.ExtractRequest(work=works))

    async def close(self) -> None:
        self.reader.cancel()
        self.writer.cancel()
        await asyncio.wait({self.reader, self.writer})
        self.stream.close()

    async def _requests(self) -> AsyncIterator[pb.ExtractRequest]:
        while True:
            request = await self.requests.get()
            if isinstance(request, Exception):
                raise request
            self.taken += 1
            yield request

    async def _responses(self) -> None:
        while (response := await self.stream.next_response()) is not None:
            for result in response.results.results:
                self.results.put_nowait(result)
        self.stream.close()


async def test_work_goes_through_the_engine_and_is_counted(rig: Rig) -> None:
    """What a gateway sends comes back answered; failures are counted by their reason."""
    peer = Peer(rig)
    peer.send("a", "bad", "x" * 101)
    assert await rig.engine.batches.get() == ["a", "bad"]
    rig.engine.go.release()
    reasons = {(r := await peer.results.get()).id: r.failure.reason for _ in range(3)}
    assert reasons == {
        0: pb.FAILURE_REASON_UNSPECIFIED,
        1: pb.FAILURE_REASON_EXTRACTION_FAILED,
        2: pb.FAILURE_REASON_CONTENT_TOO_LONG,
    }
    assert rig.metric("failures_total", reason="EXTRACTION_FAILED") == 1
    assert rig.metric("failures_total", reason="CONTENT_TOO_LONG") == 1
    assert rig.metric("articles_total") == 3
    assert rig.metric("characters_total") == 4
    assert rig.metric("batches_total") == 1
    assert rig.metric("links") == 1
    await peer.close()
    assert rig.metric("links") == 0


async def test_reads_no_more_than_the_window(rig: Rig) -> None:
    """A gateway that sends more than it may is read on when answers have left."""
    peer = Peer(rig)
    peer.send("a", "b")
    peer.send("c")
    assert await rig.engine.batches.get() == ["a", "b"]
    assert peer.taken == 1
    rig.engine.go.release()
    assert await rig.engine.batches.get() == ["c"]
    await peer.close()


async def test_broken_requests_break_the_stream(rig: Rig) -> None:
    """An error of the reader is the stream's error."""
    peer = Peer(rig)
    peer.requests.put_nowait(ValueError("no message"))
    with pytest.raises(ValueError, match="no message"):
        await peer.writer
    await peer.close()


async def test_drains_as_soon_as_all_is_answered(rig: Rig) -> None:
    """Draining does not use up its time."""
    peer = Peer(rig)
    peer.send("a")
    await rig.engine.batches.get()
    draining = asyncio.create_task(rig.work.drain(3600))
    rig.engine.go.release()
    await asyncio.wait_for(draining, 60)
    await peer.close()


async def test_drains_in_time(rig: Rig) -> None:
    """What cannot be answered in the drain time is left."""
    peer = Peer(rig)
    peer.send("a")
    await rig.engine.batches.get()
    await asyncio.wait_for(rig.work.drain(0.05), 60)
    assert peer.results.empty()
    await peer.close()


async def test_drains_without_links(rig: Rig) -> None:
    """There is nobody to wait for."""
    await asyncio.wait_for(rig.work.drain(3600), 60)
