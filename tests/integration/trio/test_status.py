"""`newstally status` of real processes: during an upload, with an error, and with parts away."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from newstally import Access, Article, NewstallyClient
from newstally.keys import make_key
from newstally_protos.keys import Limits
from support.corpus import make_articles
from support.engines import HOLD, REFUSE, SLEEP
from support.processes import Process, eventually
from support.trio import RULES, Trio

SECRET = "Odradek"
"""Stands in articles, and nowhere else."""


def run_status(gateway: Process, key: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "newstally", "status", "--json", "--target", gateway.address]
    environment = {**os.environ, "NEWSTALLY_KEY": key}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert SECRET not in done.stdout + done.stderr
    return done


def status(gateway: Process, key: str = "") -> dict[str, Any]:
    """Return what the command prints."""
    done = run_status(gateway, key)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def status_when(gateway: Process, holds: Callable[[dict[str, Any]], object]) -> Any:
    """Ask until what is found holds; what else is under way goes on."""
    found: dict[str, Any] = {}

    def looked() -> bool:
        found.clear()
        found.update(status(gateway))
        return bool(holds(found))

    await asyncio.to_thread(eventually, looked, 120.0)
    return found


@asynccontextmanager
async def uploading(gateway: Process, articles: list[Article]) -> AsyncIterator[asyncio.Task[Any]]:
    """An upload that goes on."""
    async with NewstallyClient(gateway.address) as client:
        task = asyncio.create_task(client.upload(articles, upload_id="slow"))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def held(articles: int, release: Path) -> list[Article]:
    """Return articles that take 0.3 s each, and before that as long as one likes."""
    text = f"{SECRET} {HOLD.format(release)} {SLEEP.format(300)}"
    return [Article(publication="P", content=f"{text} {number}") for number in range(articles)]


async def test_status_during_an_upload(tmp_path: Path) -> None:
    """Two gateways' replicas with what each works on for longest; then the times of all stages."""
    release = tmp_path / "release"
    # However long it takes to look, no article is handed back and begun a second time.
    patient = ("--engine", RULES, "--soft-limit", "120", "--hard-limit", "240")
    with Trio(tmp_path, extractors=2, extractor_flags=patient) as trio:
        async with uploading(trio.gateway, held(20, release)) as task:
            found = await status_when(
                trio.gateway,
                lambda found: (
                    not found["missing"]
                    and all(
                        each["oldest"] and each["oldest"]["running"] and each["engine"]
                        for each in found["replicas"]
                    )
                ),
            )
            (gateway,) = found["gateways"]
            assert gateway["streams"] == 1
            assert gateway["persister"] == "serves"
            for replica in found["replicas"]:
                assert (replica["state"], replica["model"]) == ("up", "test_rules 1")
                assert replica["oldest"]["upload_id"] == "slow"
                assert 0 <= replica["oldest"]["offset"] < 20
                assert replica["outstanding_articles"] > 0
            assert found["missing"] == found["errors"] == found["differing"] == []
            release.touch()
            await task
        found = await status_when(
            trio.gateway,
            lambda found: (
                {each["stage"] for each in found["stages"] if each["count"]}
                == {"waiting", "extraction", "recording", "flushing"}
            ),
        )
        stages = {each["stage"]: each for each in found["stages"]}
        assert stages["waiting"]["count"] == stages["extraction"]["count"] == 20
        assert stages["extraction"]["p50"] > 0.2
        assert stages["waiting"]["p50"] <= stages["waiting"]["p99"]
        assert found["persister"]["settled_per_second"] > 0
        assert sum(each["share"] for each in found["replicas"]) == pytest.approx(1.0)
        await asyncio.to_thread(eventually, partial(trio.gateway.events, "upload ended"))
        begun, ended = (trio.gateway.events(f"upload {what}") for what in ("begun", "ended"))
        assert [(line["upload_id"], line["owner"]) for line in begun] == [("slow", "anonymous")]
        assert [(line["settled"], line["refused"], line["outcome"]) for line in ended] == [
            (20, 0, "OK")
        ]
        assert not any(SECRET in each.log_path.read_text() for each in trio.processes)


async def test_an_error_is_shown_in_its_group(tmp_path: Path) -> None:
    """Counted over replicas, with nothing of the article that the exception quotes."""
    bad = [Article(publication="P", content=f"{SECRET} {REFUSE} {n}") for n in range(30)]
    with Trio(tmp_path, extractors=2) as trio:
        async with NewstallyClient(trio.gateway.address) as client:
            summary = await client.upload(bad)
        assert summary.refused == 30
        found = await status_when(
            trio.gateway, lambda found: sum(each["count"] for each in found["errors"]) == 30
        )
        (error,) = found["errors"]
        assert (error["kind"], error["service"]) == ("ValueError", "extractor")
        assert not error["new"]
        assert "ValueError" in {each["last_error"] for each in found["replicas"]}
        for extractor in trio.extractors:
            extractor.kill()
        found = await status_when(
            trio.gateway,
            lambda found: all(each["state"] == "away" for each in found["replicas"]),
        )
        assert [each["count"] for each in found["errors"]] == [30], "they went with their replicas"
        assert len(found["missing"]) == 2
        assert not any(SECRET in each.log_path.read_text() for each in trio.processes)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hanging"])
async def test_a_persister_that_is_away_does_not_hold_status_up(
    tmp_path: Path, how: signal.Signals
) -> None:
    """Whether it is gone or hangs, the rest is told, and what is missing."""
    with Trio(tmp_path, extractors=1) as trio:
        found = await asyncio.to_thread(status, trio.gateway)
        assert found["persister"]["sink_state"] == "working"
        os.kill(trio.persister.pid, how)
        found = await status_when(trio.gateway, lambda found: found["persister"] is None)
        (missing,) = found["missing"]
        assert missing["part"] == "persister"
        assert found["replicas"][0]["state"] == "up"
        await asyncio.to_thread(status, trio.gateway)


async def test_a_replica_that_hangs_is_named(tmp_path: Path) -> None:
    """Its last report grows old; status waits for nothing of it."""
    with Trio(tmp_path, extractors=1) as trio:
        await status_when(trio.gateway, lambda found: found["replicas"][0]["engine"])
        (extractor,) = trio.extractors
        os.kill(extractor.pid, signal.SIGSTOP)
        # It is away once keepalive has run out, and until then it is silent.
        await status_when(
            trio.gateway,
            lambda found: any(each["part"].startswith("replica ") for each in found["missing"]),
        )
        os.kill(extractor.pid, signal.SIGCONT)


async def test_what_a_key_may_see(tmp_path: Path) -> None:
    """`read`: figures without addresses; `admin`: all; `write`: nothing."""
    keys = tmp_path / "keys.json"
    made = {scope: make_key(keys, scope, [scope]) for scope in ("read", "write", "admin")}
    made["slow"] = make_key(keys, "hasty", ["read", "write"], limits=Limits(articles_per_second=10))
    with Trio(tmp_path, extractors=1, gateway_flags=["--keys", str(keys)]) as trio:
        async with NewstallyClient(trio.gateway.address, access=Access(key=made["slow"])) as client:
            await client.upload(make_articles(40))
        own = await asyncio.to_thread(status, trio.gateway, made["admin"])
        assert own["replicas"][0]["address"] == trio.extractors[0].address
        assert own["gateways"][0]["door"] == "4 keys"
        (hits,) = own["limit_hits"]
        assert (hits["owner"], hits["limit"]) == ("hasty", "articles_per_second")
        assert 1 <= hits["times"] <= 40
        theirs = await asyncio.to_thread(status, trio.gateway, made["slow"])
        assert [each["owner"] for each in theirs["limit_hits"]] == ["hasty"]
        seen = await asyncio.to_thread(status, trio.gateway, made["read"])
        assert seen["replicas"][0]["address"] == ""
        assert seen["replicas"][0]["instance_id"] == own["replicas"][0]["instance_id"]
        assert seen["gateways"][0]["door"] == ""
        assert seen["limit_hits"] == []
        for key in (made["write"], ""):
            done = await asyncio.to_thread(run_status, trio.gateway, key)
            assert done.returncode == 1
            assert "key" in done.stderr


def test_every_process_logs_its_stacks(tmp_path: Path) -> None:
    """SIGUSR1: threads and tasks, in one line; the process goes on."""
    with Trio(tmp_path, extractors=1) as trio:
        asyncio.run(upload_some(trio.gateway))
        for process in trio.processes:
            os.kill(process.pid, signal.SIGUSR1)
            eventually(partial(process.events, "stacks"))
            (line,) = process.events("stacks")
            names = {name for each in line["threads"] for name in each["names"]}
            assert {"MainThread", "admin"} <= names
            assert any("health check" in each["names"] for each in line["tasks"])
        asyncio.run(upload_some(trio.gateway))


async def upload_some(gateway: Process) -> None:
    async with NewstallyClient(gateway.address) as client:
        summary = await client.upload(make_articles(20))
    assert summary.counted == 20
