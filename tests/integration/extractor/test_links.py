"""Several gateways on one extractor: some vanish, some do not read."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import grpc
import pytest
from support.engines import HOLD, SLEEP
from support.extractor_process import (
    PATIENCE_SECONDS,
    extractor,
    flood,
    link,
)


async def test_links_share_the_window() -> None:
    """The one that works has all of it; when its gateway vanishes the other one gets it back."""
    async with extractor() as process, link(process) as one:
        async with link(process) as two:
            await one.until(lambda: len(one.welcomes) == 2)
            await two.send(*["Never Answered " + SLEEP.format(50)] * 20)
            await two.until(lambda: two.started)
            assert [w.window.articles for w in two.welcomes] == [128, 256]
        await one.until(lambda: len(one.welcomes) == 3)
        assert [w.window.articles for w in one.welcomes] == [256, 128, 256]
        await one.send("Still Served")
        await one.until(lambda: one.results)


@pytest.fixture
def vanisher(tmp_path: Path) -> Path:
    """A gateway that sends sixty slow articles, says so, and waits to be killed."""
    script = tmp_path / "vanisher.py"
    script.write_text(
        "import asyncio, sys\n"
        "from newstally_protos.v1 import extractor_pb2 as pb, extractor_pb2_grpc as pb_grpc\n"
        "from newstally_protos.wire import connect\n"
        "async def main():\n"
        "    async with connect(sys.argv[1]) as channel:\n"
        "        call = pb_grpc.ExtractorServiceStub(channel).Extract()\n"
        "        works = [pb.Work(id=n, content=sys.argv[2]) for n in range(60)]\n"
        "        await call.write(pb.ExtractRequest(work=works))\n"
        "        while not (await call.read()).HasField('started'): pass\n"
        "        print('started', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    return script


async def test_work_of_a_killed_gateway_is_dropped(vanisher: Path) -> None:
    """After kill -9 of a gateway only the batch that was running is finished, for nobody."""
    async with extractor("--batch-articles", "1") as process:
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, str(vanisher), f"127.0.0.1:{process.port}", SLEEP.format(500)),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert killed.stdout is not None
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await killed.stdout.readline() == b"started\n"
        finally:
            killed.kill()
            await killed.wait()
        async with link(process) as gateway:
            await gateway.send("Next")
            await gateway.until(lambda: gateway.results)
            articles = await process.metric("articles_total")
        assert articles < 40


async def test_a_gateway_that_overruns_its_window_is_not_read(tmp_path: Path) -> None:
    """What is unanswered stays within the window and one message, however much is sent."""
    text = "x" * 50_000
    async with (
        extractor("--window-bytes", "100000", "--batch-articles", "1") as process,
        link(process) as gateway,
    ):
        await gateway.send(SLEEP.format(1_000))
        await gateway.until(lambda: gateway.started)
        # It is not over before one has looked.
        release = tmp_path / "release"
        held = [text + HOLD.format(release), *[text] * 39]
        sending = asyncio.create_task(flood(gateway, held))
        await gateway.until(lambda: gateway.results)
        waiting = json.loads(await process.get("/readyz"))["waiting_articles"]
        assert waiting <= 3
        assert not sending.done()
        release.touch()
        await gateway.until(lambda: len(gateway.results) == 41)
        await sending


@pytest.mark.slow
async def test_a_gateway_that_does_not_read_does_not_stop_the_others() -> None:
    """A link whose gateway reads nothing is cut after a while; its work goes elsewhere."""
    long_result = " ".join(f"Name{number}" for number in range(2_000))
    async with extractor("--batch-articles", "1") as process, link(process) as other:
        async with link(process) as deaf:
            await deaf.send(*[long_result] * 20)
            await other.send("Patient")
            await other.until(lambda: other.results)
            await other.until(lambda: len(other.welcomes) == 3)
            await deaf.end()
            assert deaf.kinds[-1] == "draining"
            assert deaf.code is grpc.StatusCode.OK
            assert len(deaf.results) < 20
        assert await process.metric("stalled_links_total") == 1
        process.signal(signal.SIGTERM)
        await other.end()
        assert await process.ended() == 0
    assert "Traceback" not in "".join(process.log)


@pytest.mark.slow
async def test_a_gateway_that_never_reads_on_does_not_keep_the_replica() -> None:
    """A link that was cut and is still not read neither holds up SIGTERM nor gets a traceback."""
    long_result = " ".join(f"Name{number}" for number in range(2_000))
    async with (
        extractor("--batch-articles", "1") as process,
        link(process) as other,
        link(process) as deaf,
    ):
        await deaf.send(*[long_result] * 20)
        await other.until(lambda: len(other.welcomes) == 3)
        process.signal(signal.SIGTERM)
        await other.end()
        assert await process.ended() == 0
    assert "Traceback" not in "".join(process.log)


async def test_a_gateway_that_half_closes_gets_its_answers() -> None:
    """Everything that came is answered, and then the stream ends."""
    async with extractor() as process, link(process) as gateway:
        await gateway.send("One", "Two")
        await gateway.call.done_writing()
        await gateway.end()
        assert len(gateway.results) == 2
        assert gateway.code is grpc.StatusCode.OK
