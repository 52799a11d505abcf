"""The real extractor process, seen from a gateway's side of the link."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1 import extractor_pb2_grpc as pb_grpc
from newstally_protos.wire import connect
from newstally_runtime.lifeline import VARIABLE
from support.engines import (
    BREAK,
    DIE,
    EXIT,
    HANG,
    HANG_GIL,
    HUGE,
    LOADING_VARIABLE,
    NO_MEMORY,
    RAISE,
    REFUSE,
    SLEEP,
    SLEEP_VARIABLE,
    count,
)

TESTS = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30


class Process:
    """One extractor, and what it logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0
        self.admin_port = 0
        self.log: list[str] = []

    async def serving(self) -> None:
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in self.process.stderr:
                self.log.append(line.decode())
                if line.startswith(b"{") and (event := json.loads(line))["event"] == "serving":
                    self.port, self.admin_port = event["port"], event["admin_port"]
                    return
        raise AssertionError("".join(self.log))

    async def ended(self) -> int:
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            self.log += [line.decode() async for line in self.process.stderr]
            return await self.process.wait()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def get(self, path: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.admin_port)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return answer.partition("\r\n\r\n")[2]

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        found = re.search(
            rf"^newstally_extractor_{name} (\S+)$", await self.get("/metrics"), re.MULTILINE
        )
        assert found is not None
        return float(found[1])


@asynccontextmanager
async def extractor(
    *flags: str, engine: str = "support.engines:rules", **env: str
) -> AsyncIterator[Process]:
    paths = [str(TESTS), *filter(None, sys.path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally_extractor", "--port", "0", "--admin-port", "0"),
        *("--engine", engine, *flags),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **env},
        stderr=asyncio.subprocess.PIPE,
    )
    it = Process(process)
    try:
        await it.serving()
        yield it
    finally:
        if process.returncode is None:
            process.kill()
        await it.ended()


class Gateway:
    """A gateway's side of one link."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.events: list[pb.ExtractResponse] = []
        self.code: grpc.StatusCode | None = None
        """How the stream ended."""

    async def send(self, *contents: str, alone: bool = False, first_id: int = 1) -> None:
        works = [
            pb.Work(id=number, content=content, alone=alone)
            for number, content in enumerate(contents, first_id)
        ]
        await self.call.write(pb.ExtractRequest(work=works))

    async def until(self, found: Callable[[], Any]) -> None:
        """Read until something has come, or the stream has ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not found() and self.code is None:
                try:
                    event = await self.call.read()
                except grpc.aio.AioRpcError as error:
                    self.code = error.code()
                    return
                if event is grpc.aio.EOF:
                    self.code = await self.call.code()
                    return
                self.events.append(event)

    async def end(self) -> None:
        await self.until(lambda: False)

    @property
    def kinds(self) -> list[str]:
        return [kind for event in self.events if (kind := event.WhichOneof("event"))]

    @property
    def welcomes(self) -> list[pb.Welcome]:
        return [event.welcome for event in self.events if event.HasField("welcome")]

    @property
    def started(self) -> list[list[int]]:
        return [list(event.started.ids) for event in self.events if event.HasField("started")]

    @property
    def results(self) -> dict[int, pb.Result]:
        return {result.id: result for event in self.events for result in event.results.results}


@asynccontextmanager
async def link(process: Process) -> AsyncIterator[Gateway]:
    async with connect(f"127.0.0.1:{process.port}") as channel:
        gateway = Gateway(pb_grpc.ExtractorServiceStub(channel).Extract())
        await gateway.until(lambda: gateway.welcomes)
        yield gateway
        gateway.call.cancel()


def counts(result: pb.Result) -> dict[tuple[str, str], int]:
    return {(e.text, e.label): e.mentions for e in result.entities.entities}


async def test_answers_every_article_with_its_entities() -> None:
    """Welcome, Started, Results: each id is answered once, with what the engine counts."""
    texts = [f"Angela Merkel met Number{n} in Berlin. Berlin's mayor did not." for n in range(300)]
    async with extractor("--batch-articles", "7") as process, link(process) as gateway:
        welcome = gateway.welcomes[0]
        assert (welcome.model, welcome.model_version) == ("test_rules", "1")
        assert welcome.instance_id
        assert (welcome.window.articles, welcome.window.bytes) == (256, 1024 * 1024)
        await gateway.send(*texts)
        await gateway.until(lambda: len(gateway.results) == len(texts))
        assert [counts(gateway.results[n]) for n in range(1, 301)] == [count(t) for t in texts]
        assert sum(len(event.results.results) for event in gateway.events) == len(texts)
        assert sorted(i for ids in gateway.started for i in ids) == list(range(1, 301))
        assert max(len(ids) for ids in gateway.started) == 7
        metrics = await process.get("/metrics")
        assert "newstally_extractor_articles_total 300.0" in metrics
        assert (
            'newstally_extractor_engine_info{engine="rules",model="test_rules",model_version="1"}'
            in metrics
        )
        assert json.loads(await process.get("/readyz"))["ready"] is True


async def test_one_bad_article_fails_alone() -> None:
    """Each reason of failure hits its own article; those beside it are counted."""
    texts = [f"Bad {RAISE}", "Good One", f"Bad {REFUSE}", f"Bad {HUGE}", "x" * 2_001, "Good Two"]
    async with (
        extractor("--max-content-bytes", "2000") as process,
        link(process) as gateway,
    ):
        await gateway.send(*texts)
        await gateway.until(lambda: len(gateway.results) == len(texts))
        assert [gateway.results[n].failure.reason for n in range(1, 7)] == [
            pb.FAILURE_REASON_EXTRACTION_FAILED,
            pb.FAILURE_REASON_UNSPECIFIED,
            pb.FAILURE_REASON_EXTRACTION_FAILED,
            pb.FAILURE_REASON_RESULT_TOO_LARGE,
            pb.FAILURE_REASON_CONTENT_TOO_LONG,
            pb.FAILURE_REASON_UNSPECIFIED,
        ]
        assert counts(gateway.results[2]) == count("Good One")
        process.signal(signal.SIGTERM)
        await gateway.end()
        await process.ended()
    assert RAISE not in "".join(process.log), "content was logged"


async def test_a_suspect_is_alone_in_its_batch() -> None:
    """Work marked alone shares a model batch with nothing, not even another link's work."""
    async with extractor() as process, link(process) as one, link(process) as two:
        await one.send("First " + SLEEP.format(300))
        await one.until(lambda: one.started)
        await one.send("Suspect", alone=True, first_id=2)
        await two.send("Innocent")
        await one.until(lambda: len(one.results) == 2)
        await two.until(lambda: two.results)
        assert one.started == [[1], [2]]
        assert await process.metric("batches_total") == 3


@pytest.mark.parametrize("deadly", [EXIT, DIE, HANG_GIL])
@pytest.mark.parametrize("alone", [True, False])
async def test_started_arrives_before_the_replica_dies(deadly: str, alone: bool) -> None:
    """The gateway knows what was being worked on when a replica dies of it, however fast."""
    async with extractor("--hard-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(deadly, alone=alone)
        await gateway.end()
        assert gateway.started == [[1]]
        assert gateway.code is not grpc.StatusCode.OK
        assert await process.ended() in {1, -signal.SIGKILL}


@pytest.mark.parametrize("hanging", [HANG, HANG_GIL])
async def test_hard_limit(hanging: str) -> None:
    """A batch over the time limit ends the replica, even while the GIL is held, and says where."""
    async with extractor("--hard-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(hanging)
        await gateway.end()
        assert await process.ended() == 1
    log = "".join(process.log)
    assert "Timeout" in log
    assert "_misbehave" in log


@pytest.mark.parametrize("breaking", [BREAK, NO_MEMORY])
async def test_a_broken_pipeline_refuses_nothing(breaking: str) -> None:
    """A pipeline that breaks after start ends its replica: others get the work, told why once."""
    async with extractor() as process, link(process) as gateway:
        await gateway.send("Good")
        await gateway.until(lambda: gateway.results)
        await gateway.send(f"Secret {breaking}", "Innocent", first_id=2)
        await gateway.end()
        assert list(gateway.results) == [1]
        assert gateway.code is grpc.StatusCode.UNAVAILABLE
        assert await process.ended() == 1
    (line,) = [line for line in process.log if "broken" in line]
    assert json.loads(line)["level"] == "error"
    assert "Secret" not in "".join(process.log)


async def test_drains_on_sigterm() -> None:
    """SIGTERM: Draining, then the answers to what came, then a clean end and exit code 0."""
    async with extractor(**{SLEEP_VARIABLE: "100"}) as process, link(process) as gateway:
        await gateway.send("One", "Two", "Three")
        await gateway.until(lambda: gateway.started)
        process.signal(signal.SIGTERM)
        await gateway.end()
        assert gateway.kinds[-1] == "results"
        assert "draining" in gateway.kinds
        assert len(gateway.results) == 3
        assert gateway.code is grpc.StatusCode.OK
        assert await process.ended() == 0


async def test_drain_ends_in_time() -> None:
    """What cannot be answered within the drain time stays unanswered; the end is clean."""
    async with extractor("--drain", "1") as process, link(process) as gateway:
        await gateway.send(HANG)
        await gateway.until(lambda: gateway.started)
        process.signal(signal.SIGTERM)
        begin = asyncio.get_running_loop().time()
        await gateway.end()
        assert gateway.code is grpc.StatusCode.OK
        assert not gateway.results
        assert await process.ended() == 0
        assert asyncio.get_running_loop().time() - begin < 3


async def test_links_share_the_window() -> None:
    """A second link halves the first one's window; when its gateway vanishes it gets it back."""
    async with extractor() as process, link(process) as one:
        async with link(process) as two:
            await one.until(lambda: len(one.welcomes) == 2)
            await two.send(*["Never Answered " + SLEEP.format(50)] * 20)
            await two.until(lambda: two.started)
        await one.until(lambda: len(one.welcomes) == 3)
        assert [w.window.articles for w in one.welcomes] == [256, 128, 256]
        assert [w.window.articles for w in two.welcomes] == [128]
        await one.send("Still Served")
        await one.until(lambda: one.results)


@pytest.fixture
def vanisher(tmp_path: Path) -> Path:
    """A gateway that sends twenty slow articles, says so, and waits to be killed."""
    script = tmp_path / "vanisher.py"
    script.write_text(
        "import asyncio, sys\n"
        "from newstally_protos.v1 import extractor_pb2 as pb, extractor_pb2_grpc as pb_grpc\n"
        "from newstally_protos.wire import connect\n"
        "async def main():\n"
        "    async with connect(sys.argv[1]) as channel:\n"
        "        call = pb_grpc.ExtractorServiceStub(channel).Extract()\n"
        "        works = [pb.Work(id=n, content=sys.argv[2]) for n in range(20)]\n"
        "        await call.write(pb.ExtractRequest(work=works))\n"
        "        while not (await call.read()).HasField('started'): pass\n"
        "        print('started', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    return script


async def test_work_of_a_killed_gateway_is_dropped(vanisher: Path) -> None:
    """After kill -9 of a gateway only the batch that was running is finished, for nobody."""
    async with extractor("--batch-articles", "1") as process:
        killed = await asyncio.create_subprocess_exec(
            *(sys.executable, str(vanisher), f"127.0.0.1:{process.port}", SLEEP.format(200)),
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
        assert articles < 10


async def test_a_gateway_that_overruns_its_window_is_not_read() -> None:
    """What is unanswered stays within the window and one message, however much is sent."""
    text = "x" * 50_000
    async with (
        extractor("--window-bytes", "100000", "--batch-articles", "1") as process,
        link(process) as gateway,
    ):
        await gateway.send(SLEEP.format(1_000))
        await gateway.until(lambda: gateway.started)
        sending = asyncio.create_task(flood(gateway, [text] * 40))
        await gateway.until(lambda: gateway.results)
        waiting = json.loads(await process.get("/readyz"))["waiting_articles"]
        assert waiting <= 3
        assert not sending.done()
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


async def flood(gateway: Gateway, texts: list[str]) -> None:
    for number, text in enumerate(texts, 2):
        await gateway.send(text, first_id=number)


async def test_a_gateway_that_half_closes_gets_its_answers() -> None:
    """Everything that came is answered, and then the stream ends."""
    async with extractor() as process, link(process) as gateway:
        await gateway.send("One", "Two")
        await gateway.call.done_writing()
        await gateway.end()
        assert len(gateway.results) == 2
        assert gateway.code is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--engine", "stock", "--model", "no_such_model"), "--model (NEWSTALLY_EXTRACTOR_MODEL)"),
        (("--engine", "no.such:thing"), "--engine (NEWSTALLY_EXTRACTOR_ENGINE)"),
        (("--hard-limit", "-1"), "--hard-limit (NEWSTALLY_EXTRACTOR_HARD_LIMIT)"),
    ],
)
async def test_wrong_settings_end_it_at_start(flags: tuple[str, ...], named: str) -> None:
    """A setting that cannot work: one line that names it, exit code 2, no traceback."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally_extractor", *flags),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 2
    assert errors.decode().startswith(named)
    assert errors.count(b"\n") == 1


async def test_a_stuck_load_does_not_outlive_the_launcher() -> None:
    """The lifeline counts while the model is being loaded, too."""
    lifeline, launcher = os.pipe()
    loading, engine = os.pipe()
    paths = [str(TESTS), *filter(None, sys.path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally_extractor", "--engine", "support.engines:stuck"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            VARIABLE: str(lifeline),
            LOADING_VARIABLE: str(engine),
        },
        pass_fds=[lifeline, engine],
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(lifeline)
    os.close(engine)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await asyncio.to_thread(os.read, loading, 1) == b"", "the load has begun"
        assert process.returncode is None
        os.close(launcher)
        launcher = -1
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    finally:
        os.close(loading)
        if launcher >= 0:
            os.close(launcher)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0


async def test_numeric_libraries_are_pinned_before_they_load() -> None:
    """The command itself loads no numeric library, so that its thread settings are in time."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import sys, newstally_extractor.__main__; sys.exit('numpy' in sys.modules)",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
