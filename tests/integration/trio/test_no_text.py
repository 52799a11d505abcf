"""Nothing of an article's text is logged, or told by status, whatever goes wrong with it.

Each stage is made to fail on articles that hold a mark, with logs at their most talkative.
"""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import grpc
import pytest
from newstally import Article, NewstallyClient
from newstally_protos.v1 import upload_pb2
from newstally_protos.wire import connect
from support.engines import BREAK, HANG, HOLD, HUGE, NO_MEMORY, RAISE, REFUSE
from support.gateway_wire import client_of, message
from support.processes import Process, eventually
from support.trio import RULES, Trio

MARK = "Odradek"
"""In every article, as an entity that is counted, and nowhere else."""
DEBUG = ("--log-level", "debug")
LIMITS = ("--soft-limit", "0.3", "--hard-limit", "3")
"""Of the replica that is harmed: before, no article is ended because it takes long."""
REFUSE_MARK = f"""CREATE TRIGGER refuse BEFORE INSERT ON entity_names
    WHEN NEW.text = '{MARK.lower()}' BEGIN SELECT RAISE(ABORT, 'no {MARK} here'); END"""
EVENTS = {
    "gateway": {"upload begun", "upload ended", "stacks"},
    "extractor": {"articles failed in the pipeline", "the pipeline is broken", "stacks"},
    "persister": {"row set aside", "stacks"},
}
"""What must have been logged, or nothing went wrong."""


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    """A trio whose sink refuses the mark."""
    made = Trio(
        tmp_path,
        extractors=1,
        persister_flags=[*DEBUG, "--flush-age", "0.1"],
        extractor_flags=["--engine", RULES, *DEBUG],
        gateway_flags=[*DEBUG, "--max-content-bytes", "20000"],
    )
    with made as trio:
        asyncio.run(upload(trio.gateway, "Harmless"))
        trio.persister.terminate()
        with closing(sqlite3.connect(tmp_path / "data" / "tallies.db", timeout=30)) as sink:
            sink.execute(REFUSE_MARK)
            sink.commit()
        trio.persister.start()
        yield trio


async def upload(gateway: Process, *contents: str) -> int:
    """Upload to the end; return how many were refused."""
    async with NewstallyClient(gateway.address) as client:
        articles = [Article(publication="P", content=content) for content in contents]
        return (await client.upload(articles)).refused


async def harm(trio: Trio, content: str) -> None:
    """Have the replica end itself over an article, and start it again."""
    (extractor,) = trio.extractors
    task = asyncio.create_task(upload(trio.gateway, f"{MARK} {content}"))
    await asyncio.to_thread(eventually, lambda: not extractor.running, what=content)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    extractor.kill()
    await asyncio.to_thread(extractor.start)


async def send_junk(trio: Trio) -> None:
    """Send what is no message, or has no text, to every service."""
    junk = b"\xff" + MARK.encode() * 3
    broken = message(MARK + " QQ", upload_id="junk", offset=0).SerializeToString()
    broken = broken.replace(b"QQ", b"\xff\xfe")
    async with client_of(trio.gateway) as client:
        await client.uploads.CreateUpload(upload_pb2.CreateUploadRequest(upload_id="junk"))
        assert (await client.stream_bytes(broken)).refusals
        assert (await client.stream_bytes(junk)).code is grpc.StatusCode.INVALID_ARGUMENT
    for process, method in (
        (trio.gateway, "UploadService/GetUpload"),
        (trio.persister, "JournalService/RecordBatch"),
        (trio.persister, "PersisterService/ExchangeStatus"),
    ):
        async with connect(process.address) as channel:
            call = channel.unary_unary(
                f"/newstally.v1.{method}", request_serializer=bytes, response_deserializer=bytes
            )
            with pytest.raises(grpc.aio.AioRpcError):
                await call(junk, timeout=10)


async def show_stacks(trio: Trio, release: Path) -> None:
    """Have all processes log what they do while an article with the mark is worked on."""
    task = asyncio.create_task(upload(trio.gateway, f"{MARK} {HOLD.format(release)}"))
    busy = lambda: trio.gateway.metric("newstally_gateway_link_outstanding_articles") == 1  # noqa: E731
    await asyncio.to_thread(eventually, busy)
    for process in trio.processes:
        os.kill(process.pid, signal.SIGUSR1)
        await asyncio.to_thread(eventually, partial(process.events, "stacks"))
    await asyncio.to_thread(release.touch)
    await task


def shown(trio: Trio) -> dict[str, str]:
    """Return all that operators see: logs, admin ports and status."""
    found = {process.log_path.name: process.log_path.read_text() for process in trio.processes}
    for process in trio.processes:
        for path in ("/readyz", "/metrics"):
            found[process.module + path] = process.admin(path)
    command = [sys.executable, "-m", "newstally", "status", "--target", trio.gateway.address]
    for flags in ([], ["--json"]):
        done = subprocess.run([*command, *flags], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        found[f"status {flags}"] = done.stdout + done.stderr
    return found


def test_the_text_is_nowhere(trio: Trio, tmp_path: Path) -> None:
    """Not in a log, at whatever level, nor in /readyz, metrics or status."""

    async def go_wrong() -> None:
        bad = [f"{MARK} {magic} {number}" for magic in (REFUSE, HUGE, RAISE) for number in range(3)]
        assert await upload(trio.gateway, f"{MARK} is fine", *bad, MARK * 5_000, "") == 11
        await send_junk(trio)
        await show_stacks(trio, tmp_path / "release")
        (extractor,) = trio.extractors
        extractor.arguments += LIMITS
        extractor.kill()
        await asyncio.to_thread(extractor.start)
        for content in (HANG, BREAK, NO_MEMORY):
            await harm(trio, content)

    asyncio.run(go_wrong())
    persister = trio.persister
    eventually(lambda: persister.metric("newstally_persister_set_aside_rows") == 1)
    command = [sys.executable, "-m", "newstally_persister", "set-aside"]
    listed = subprocess.run(
        [*command, "--target", persister.address], capture_output=True, text=True, check=True
    )
    assert json.loads(listed.stdout)["text"] == MARK.lower(), "who asks for it sees it"

    for process in trio.processes:
        events = {str(line.get("event")) for line in process.lines}
        assert EVENTS[process.module.removeprefix("newstally_")] <= events
    for name, text in shown(trio).items():
        lines = [line for line in text.splitlines() if MARK.lower() in line.lower()]
        assert lines == [], name
