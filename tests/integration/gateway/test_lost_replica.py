"""A replica whose packets are lost: nobody says that it is gone."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from support.engines import SLEEP_VARIABLE, label_of
from support.far_host import FAR, FarHost, why_not
from support.gateway_wire import (
    WAIT_SECONDS,
    Stream,
    client_of,
    eventually,
    gateway_process,
    messages,
)
from support.line import Line
from support.processes import Process
from support.reference_persister import Recorded, ReferencePersister
from support.trio import RULES

MOVES_ON_SECONDS = 45.0
"""Ten, and time for other things that the machine has to do. Articles have 120 seconds: it is not
they that run out.
"""
ARTICLES = 400


class Replicas:
    """One that stays, and one that can be lost."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.far_host: FarHost | None = None
        self.line: Line | None = None
        flags = ["--engine", RULES, "--window-articles", "40"]
        environment = {SLEEP_VARIABLE: "20"}
        self.staying = Process("newstally_extractor", flags, directory / "staying.log", environment)
        self.lost = Process("newstally_extractor", flags, directory / "lost.log", environment)
        if why_not() is None:
            self.far_host = stack.enter_context(FarHost())
            self.lost.prefix = self.far_host.prefix
            self.lost.arguments += ["--host", FAR]
        for process in (self.staying, self.lost):
            stack.enter_context(process)
        self.lost_address = f"{FAR}:{self.lost.port}"
        if self.far_host is None:
            self.line = stack.enter_context(Line(self.lost.address))
            self.lost_address = self.line.address

    def lose(self) -> None:
        if self.far_host is not None:
            self.far_host.lose_packets()
        elif self.line is not None:
            self.line.stall()


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[Replicas]:
    with ExitStack() as stack:
        yield Replicas(tmp_path, stack)


async def test_an_upload_moves_on_when_a_replica_is_lost(
    tmp_path: Path, persister: ReferencePersister, replicas: Replicas
) -> None:
    """Its articles are settled by the other one soon, each counted once."""
    upload = persister.add("job")
    addresses = f"{replicas.staying.address},{replicas.lost_address}"
    contents = [f"Ada met Bob{n}" for n in range(ARTICLES)]
    async with (
        gateway_process(tmp_path, persister, [], "--extractors", addresses) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await eventually(lambda: len(process.events("link up")) == 2, "both links up")
        await stream.write(*messages(contents, "job"))
        await stream.half_close()
        await stream.until(lambda heard: heard.next_offset >= ARTICLES // 8)
        replicas.lose()
        gaps = await _gaps(stream, upload)
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.OK
        assert (upload.counted, upload.refusals) == (ARTICLES, [])
        assert upload.mentions["The Paper", "ada", label_of("ada")] == ARTICLES
        assert max(gaps) < MOVES_ON_SECONDS


async def _gaps(stream: Stream, upload: Recorded) -> list[float]:
    """Return how many seconds lay between any two of its steps, until it has ended."""
    gaps: list[float] = []
    since, seen = time.monotonic(), upload.next_offset
    async with asyncio.timeout(WAIT_SECONDS):
        while stream.heard.code is None:
            await asyncio.sleep(0.02)
            if upload.next_offset != seen:
                gaps.append(time.monotonic() - since)
                since, seen = time.monotonic(), upload.next_offset
    return gaps
