"""`newstally status` where not all is alike: releases, models, and an error that is new."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from newstally import Article, NewstallyClient
from support import ports
from support.corpus import make_articles
from support.engines import MODEL_VERSION_VARIABLE, REFUSE
from support.processes import Process, eventually
from support.trio import RULES

BEFORE, NOW = "a" * 40, "b" * 40


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[dict[str, Process]]:
    """Persister and gateway of one release, and an extractor of each, with another model.

    The older release is known to the persister before the newer one runs.
    """

    def made(name: str, flags: list[str], revision: str, model: str = "1", at: str = "") -> Process:
        environment = {"NEWSTALLY_REVISION": revision, MODEL_VERSION_VARIABLE: model}
        module = "newstally_" + name.partition(" ")[0]
        process = Process(module, flags, tmp_path / f"{name}.log", environment)
        process.port = int(at.rpartition(":")[2] or 0)
        return stack.enter_context(process)

    with ExitStack() as stack:
        persister = made("persister", ["--data-dir", str(tmp_path / "data")], BEFORE)
        old = made("extractor old", ["--engine", RULES], BEFORE, "1")
        newer = f"127.0.0.1:{ports.free()}"
        flags = ["--persister", persister.address, "--extractors", f"{old.address},{newer}"]
        gateway = made("gateway", flags, BEFORE)
        eventually(lambda: len(json.loads(run_status(gateway, "--json"))["releases"]) == 3)
        new = made("extractor new", ["--engine", RULES], NOW, "2", newer)
        yield {"old": old, "new": new, "gateway": gateway}


def run_status(gateway: Process, *flags: str) -> str:
    """Return what the command prints."""
    command = [sys.executable, "-m", "newstally", "status", "--target", gateway.address, *flags]
    environment = {**os.environ, "NEWSTALLY_KEY": "", "COLUMNS": "250"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def status_when(gateway: Process, holds: Callable[[dict[str, Any]], object]) -> Any:
    """Ask until what is found holds."""
    found: dict[str, Any] = {}

    def looked() -> bool:
        found.clear()
        found.update(json.loads(run_status(gateway, "--json")))
        return bool(holds(found))

    await asyncio.to_thread(eventually, looked, 120.0)
    return found


async def upload(gateway: Process, articles: list[Article]) -> int:
    """Return how many were refused."""
    async with NewstallyClient(gateway.address) as client:
        return (await client.upload(articles)).refused


def bad(word: str) -> list[Article]:
    return [Article(publication="P", content=f"{REFUSE} {word} {n}") for n in range(40)]


async def test_what_differs_is_told(processes: dict[str, Process]) -> None:
    """Two releases, two ways of counting, and which replica has which."""
    gateway, old, new = processes["gateway"], processes["old"], processes["new"]
    linked = lambda found: all(each["state"] == "up" for each in found["replicas"])  # noqa: E731
    await status_when(gateway, linked)
    await upload(gateway, make_articles(300))
    found = await status_when(gateway, lambda found: len(found["differing"]) == 3)
    releases, ways, counted = found["differing"]
    assert releases.startswith("2 releases run: ")
    assert BEFORE[:12] in releases
    assert NOW[:12] in releases
    assert ways.startswith("replicas count in 2 ways: test_rules 1")
    assert "test_rules 2" in ways
    assert counted.startswith("the tallies are counted in 2 ways: ")
    replicas = {each["address"]: each for each in found["replicas"]}
    assert (replicas[old.address]["revision"], replicas[old.address]["model"]) == (
        *(BEFORE[:12], "test_rules 1"),
    )
    assert (replicas[new.address]["revision"], replicas[new.address]["model"]) == (
        *(NOW[:12], "test_rules 2"),
    )
    text = await asyncio.to_thread(run_status, gateway)
    for line in (releases, ways, counted):
        assert f"differing: {line}" in text


async def test_an_error_is_new_until_the_release_before_has_it(
    processes: dict[str, Process],
) -> None:
    """Marked for people, too; not marked any more when another release is seen to have it."""
    gateway, old, new = processes["gateway"], processes["old"], processes["new"]
    await status_when(gateway, lambda found: len(found["releases"]) == 4)
    old.kill()
    assert await upload(gateway, bad("first")) == 40
    # A replica that is killed before it has reported all of them leaves too few.
    found = await status_when(
        gateway, lambda found: found["errors"] and found["errors"][0]["count"] == 40
    )
    (error,) = found["errors"]
    assert error["new"]
    assert [each.partition("+")[2] for each in error["releases"]] == [NOW[:12]]
    assert "new: ValueError" in await asyncio.to_thread(run_status, gateway)

    new.kill()
    old.start()
    assert await upload(gateway, bad("second")) == 40
    found = await status_when(gateway, lambda found: found["errors"][0]["count"] == 80)
    (error,) = found["errors"]
    assert not error["new"]
    assert len(error["releases"]) == 2
    assert "new: " not in await asyncio.to_thread(run_status, gateway)
