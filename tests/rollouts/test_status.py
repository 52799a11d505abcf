"""Status while two releases run side by side."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from newstally import Article, NewstallyClient
from rollouts.test_mixed_versions import (
    SERVICES,
    assert_comes_from,
    previous,  # noqa: F401 - a fixture
    running,
    sources,
)
from support.corpus import make_articles
from support.engines import REFUSE
from support.processes import REPOSITORY, Process, eventually
from support.trio import RULES

pytestmark = pytest.mark.slow


def run_status(address: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "newstally", "status", "--json", "--target", address]
    environment = {**os.environ, "NEWSTALLY_KEY": ""}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def status_when(address: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Ask until what is found holds."""
    found: dict[str, Any] = {}

    def looked() -> bool:
        done = run_status(address)
        if done.returncode:  # on a busy machine it may give the gateway up
            return False
        found.clear()
        found.update(json.loads(done.stdout))
        return bool(holds(found))

    eventually(looked, 120.0)
    return found


async def upload(address: str, articles: list[Article]) -> int:
    async with NewstallyClient(address) as client:
        return (await client.upload(articles)).refused


async def test_a_replica_of_the_release_before_and_an_error_that_is_new(
    previous: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Both releases are shown side by side; after them, what the newer one brought is new."""

    def extractor(tree: Path, name: str, **environment: str) -> Process:
        variables = {"PYTHONPATH": sources(tree), **environment}
        log = tmp_path / f"{name}.log"
        return Process("newstally_extractor", ["--engine", RULES], log, variables)

    with ExitStack() as stack:
        persister = stack.enter_context(
            Process("newstally_persister", ["--data-dir", str(tmp_path / "data")], tmp_path / "p")
        )
        old = stack.enter_context(extractor(previous, "old"))
        assert_comes_from(old, "extractor", previous)
        # As far as the versions go, both are installed from this tree: the commit tells them apart.
        new = stack.enter_context(extractor(REPOSITORY, "new", NEWSTALLY_REVISION="0" * 40))
        both = ["--persister", persister.address, "--extractors", f"{old.address},{new.address}"]
        gateway = stack.enter_context(Process("newstally_gateway", both, tmp_path / "gateway"))
        assert await upload(gateway.address, make_articles(200)) == 0
        found = status_when(
            gateway.address,
            lambda found: (
                sorted(each["engine"] or "" for each in found["replicas"]) == ["", "rules"]
            ),
        )
        by_address = {each["address"]: each for each in found["replicas"]}
        silent, talks = by_address[old.address], by_address[new.address]
        assert (silent["state"], silent["report_age_seconds"]) == ("up", None)
        assert silent["articles_per_second"] > 0
        assert (silent["revision"], talks["revision"]) == ("", "000000000000")
        assert found["missing"] == []
        assert any("releases run: " in each for each in found["differing"])

        bad = [Article(publication="P", content=f"{REFUSE} {number}") for number in range(60)]
        assert await upload(gateway.address, bad) == 60
        found = status_when(gateway.address, lambda found: found["errors"])
        (error,) = found["errors"]
        assert error["new"], "the older release has not reported it"
        assert (error["kind"], error["service"]) == ("ValueError", "extractor")
        # A restart of everything does not make it old.
        gateway.kill()
        persister.kill()
        persister.start()
        gateway.start()
        found = status_when(gateway.address, lambda found: found["errors"])
        assert found["errors"][0]["new"]


@pytest.mark.parametrize("old", ["gateway", "persister"])
def test_a_part_of_the_release_before_is_named(
    old: str,
    previous: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It knows nothing of status; whoever asks is told that."""
    trees = {name: previous if name == old else REPOSITORY for name in SERVICES}
    with running(trees, tmp_path) as address:
        if old == "gateway":
            done = run_status(address)
            assert done.returncode == 1
            assert "its release is 0.2" in done.stdout
        else:
            found = status_when(address, lambda found: found["missing"])
            (missing,) = found["missing"]
            assert missing["part"] == "persister"
            assert "its release is 0.2" in missing["reason"]
            assert found["replicas"][0]["state"] == "up"
