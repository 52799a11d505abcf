"""The real extractor process, and a gateway's side of a link to it."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1 import extractor_pb2_grpc as pb_grpc
from newstally_protos.wire import connect

TESTS = Path(__file__).resolve().parent.parent

PATIENCE_SECONDS = 90


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

    async def send(
        self, *contents: str, alone: bool = False, first_id: int = 1, takes_back: bool = False
    ) -> None:
        works = [
            pb.Work(id=number, content=content, alone=alone)
            for number, content in enumerate(contents, first_id)
        ]
        await self.call.write(pb.ExtractRequest(work=works, takes_back=takes_back))

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
    def handed_back(self) -> list[int]:
        return [id_ for event in self.events for id_ in event.handed_back.ids]

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


async def flood(gateway: Gateway, texts: list[str]) -> None:
    for number, text in enumerate(texts, 2):
        await gateway.send(text, first_id=number)
