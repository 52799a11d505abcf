"""A pipe under an id of one's own: sent as it comes, kept nowhere."""

import asyncio
import gzip
import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest
from newstally.cli.uploading import streaming
from newstally.files import replacing
from support.reference_gateway import Fault, ReferenceGateway

from .conftest import Run

ROWS = [{"source": "P", "text": "" if n % 5 == 1 else f"x {n}", "id": n} for n in range(60)]
LINES = [json.dumps(row) + "\n" for row in ROWS]
LINES[7] = "{broken\n"
PATIENCE_SECONDS = 90.0


@asynccontextmanager
async def piping(
    gateway: ReferenceGateway, states: Path, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the command with a pipe that stays open."""
    command = ["upload", "-", "--target", gateway.target, "--upload-id", "feed", *options]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally", *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=states.parent,
        env={**os.environ, "NEWSTALLY_STATE_DIR": str(states)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def settled(gateway: ReferenceGateway, number: int) -> None:
    """Return when so many articles of the feed are settled."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gateway.until_settled("feed", number)


async def test_articles_are_settled_while_the_pipe_is_open(states: Path) -> None:
    """What has come is sent, whole lines of it; the end of the pipe is the end of the upload."""
    async with ReferenceGateway() as gateway, piping(gateway, states, "--json") as process:
        assert process.stdin is not None
        for begin, end in ((0, 3), (3, 9), (9, 60)):
            process.stdin.write("".join(LINES[begin:end]).encode())
            await process.stdin.drain()
            await settled(gateway, end)
        process.stdin.write_eof()
        out, err = await process.communicate()
    told = json.loads(out)
    assert (process.returncode, told["already_counted"]) == (3, False), err
    assert (told["next_offset"], told["malformed"]) == (60, 1)


async def test_rejects_are_complete_after_a_crash(run: Run, states: Path) -> None:
    """Killed in the middle; the same bytes again give all of them, and count nothing twice."""
    file = states.parent / "stdin.rejected.jsonl"
    async with ReferenceGateway([None, Fault.DROP], batch=10) as gateway:
        async with piping(gateway, states) as process:
            assert process.stdin is not None
            process.stdin.write("".join(LINES[:30]).encode())
            await process.stdin.drain()
            await settled(gateway, 30)
            process.kill()
        assert not file.exists()
        command = ("upload", "-", "--target", gateway.target, "--upload-id", "feed", "--json")
        done = await run(*command, stdin="".join(LINES))
        again = await run(*command, stdin="".join(LINES))
        counted = gateway.articles("feed")
    wanted = [n for n in range(60) if n % 5 == 1 or n == 7]
    rejected = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["rejected"]["offset"] for each in rejected] == wanted
    assert rejected[2]["record"] == "{broken"
    assert (done.exit_code, again.exit_code) == (3, 3)
    assert counted == [("P", f"x {n}") for n in range(60) if n not in wanted]
    assert json.loads(again.stdout)["already_counted"] is True


async def test_a_disk_without_room_for_the_last_rejects_costs_only_those(
    run: Run, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is counted and told; the same bytes give them again where there is room."""

    @contextmanager
    def full(path: Path) -> Iterator[TextIO]:
        with replacing(path) as file:
            yield file
            raise OSError(28, "No space left on device")

    file = states.parent / "stdin.rejected.jsonl"
    async with ReferenceGateway() as gateway:
        command = ("upload", "-", "--target", gateway.target, "--upload-id", "feed")
        with monkeypatch.context() as here:
            here.setattr(streaming, "replacing", full)
            done = await run(*command, stdin="".join(LINES))
        assert not file.exists()
        again = await run(*command, stdin="".join(LINES))
    assert (done.exit_code, again.exit_code) == (3, 3)
    assert f"note: {file.name}: [Errno 28] No space left on device" in done.stderr
    assert "60 articles settled (47 counted, 13 refused" in done.stdout
    assert len(file.read_text().splitlines()) == 13


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_pipe_that_says_nothing_holds_nobody(
    heeds_ctrl_c: None, states: Path, number: signal.Signals
) -> None:
    """Ctrl-C ends the command at once, with the way to go on."""
    async with ReferenceGateway() as gateway, piping(gateway, states) as process:
        assert process.stdin is not None
        process.stdin.write("".join(LINES[:3]).encode())
        await process.stdin.drain()
        await settled(gateway, 3)
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await process.wait()
        assert process.stderr is not None
        said = (await process.stderr.read()).decode()
    assert code == 128 + number
    assert "to go on, pipe the same bytes into: newstally upload -" in said
    assert "Fatal" not in said


async def test_what_needs_the_whole_is_told(run: Run) -> None:
    """A part as a bound; an archive that is read from its end; nothing at all."""
    async with ReferenceGateway() as gateway:
        command = ("upload", "-", "--target", gateway.target, "--upload-id", "feed")
        part = await run(*command, "--max-rejects", "5%", stdin=LINES[0])
        empty = await run(*command, stdin="")
        number = await run(*command, "--max-rejects", "3", stdin="".join(LINES))
    assert [result.exit_code for result in (part, empty, number)] == [2, 2, 2]
    assert "--max-rejects takes a number, and no part" in part.stderr
    assert "no header" in empty.stderr
    assert "records are rejected, more than --max-rejects 3: stopped" in number.stderr


@pytest.mark.parametrize("form", ["csv", "gzip", "zip"])
async def test_forms_are_seen_by_what_comes(states: Path, form: str) -> None:
    """As in a file; of a .zip the end is needed first."""
    data = b"source,text\nP,one\nP,two\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.csv", data)
    packed: dict[str, Any] = {
        "csv": data,
        "gzip": gzip.compress(data),
        "zip": archive.getvalue(),
    }
    async with ReferenceGateway() as gateway, piping(gateway, states) as process:
        _, err = await process.communicate(packed[form])
        counted = len(gateway.journals["feed"].counted)
    assert (process.returncode, counted) == ((2, 0) if form == "zip" else (0, 2))
    assert (b"read only without --upload-id" in err) is (form == "zip")
