"""The layouts of Firestore under the previous release and under this one."""

import asyncio
import json
from pathlib import Path

import pytest
from integration.firestore.conftest import emulator  # noqa: F401 - a fixture
from rollouts.test_mixed_versions import (
    committed,  # noqa: F401 - a fixture
    previous,  # noqa: F401 - a fixture
)
from rollouts.test_stores import SOON, Upload, running, store_command
from support.firestore_bench import Store
from support.firestore_compact import COMPACT, DOCUMENTS, Kind
from support.processes import REPOSITORY, eventually
from unit.persister.building import Tallies, recount

COMPACTLY = (*SOON, "--sink", "firestore", "--firestore-layout", "compact")
AS_BEFORE = (*SOON, "--sink", "firestore")


def held(kind: Kind, host: str, project: str) -> Tallies:
    """Recount the documents of a layout, plainly."""

    async def read() -> Tallies:
        store: Store
        async with kind.store(host, project) as store:
            return await store.tallies()

    return asyncio.run(read())


@pytest.mark.slow
def test_the_previous_release_ends_at_a_compact_database(
    previous: Path,  # noqa: F811
    emulator: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    """It does not find its journal's mark, writes nothing, and this release goes on."""
    project = "rollout-compact"
    variables = {"FIRESTORE_EMULATOR_HOST": emulator, "GOOGLE_CLOUD_PROJECT": project}
    upload = Upload()
    for _ in range(2):
        with running(REPOSITORY, tmp_path, *COMPACTLY, variables=variables) as (_, caller):
            assert upload.go_on(caller, 30) == recount(upload.sent)
        with running(previous, tmp_path, *AS_BEFORE, variables=variables) as (process, _):
            assert process.wait_exit() != 0
        assert "the sink lacks flushes" in (tmp_path / "log").read_text()
        assert held(DOCUMENTS, emulator, project) == {}
        assert held(COMPACT, emulator, project) == recount(upload.sent)


@pytest.mark.slow
def test_a_database_of_the_previous_release_keeps_its_layout(
    previous: Path,  # noqa: F811
    emulator: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    """A compact persister says so and writes nothing; what it took meanwhile is not lost."""
    project = "rollout-documents"
    variables = {"FIRESTORE_EMULATOR_HOST": emulator, "GOOGLE_CLOUD_PROJECT": project}
    upload = Upload()
    with running(previous, tmp_path, *AS_BEFORE, variables=variables) as (_, caller):
        upload.go_on(caller, 30)
    before = list(upload.sent)
    with running(REPOSITORY, tmp_path, *COMPACTLY, variables=variables) as (process, caller):

        def refused() -> bool:
            sink = json.loads(process.admin("/readyz"))["sink"]
            return "layout `documents`" in sink.get("error", "")

        eventually(refused)
        assert held(DOCUMENTS, emulator, project) == recount(before)
        assert held(COMPACT, emulator, project) == {}
    for tree in (REPOSITORY, previous):
        with running(tree, tmp_path, *AS_BEFORE, variables=variables) as (_, caller):
            assert upload.go_on(caller, 30) == recount(upload.sent)


@pytest.mark.slow
def test_a_database_of_the_previous_release_is_led_there_and_back(
    previous: Path,  # noqa: F811
    emulator: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The previous release ends while it is compact, and goes on afterwards: exactly."""
    project = "rollout-migrated"
    variables = {"FIRESTORE_EMULATOR_HOST": emulator, "GOOGLE_CLOUD_PROJECT": project}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    upload = Upload()
    with running(previous, tmp_path, *AS_BEFORE, variables=variables) as (_, caller):
        upload.go_on(caller, 30)
    to_compact = store_command(
        "migrate-store", tmp_path, "--sink", "firestore", "--firestore-layout", "compact"
    )
    assert to_compact.returncode == 0, to_compact.stderr
    assert held(COMPACT, emulator, project) == recount(upload.sent)
    with running(previous, tmp_path, *AS_BEFORE, variables=variables) as (process, _):
        assert process.wait_exit() != 0
    with running(REPOSITORY, tmp_path, *COMPACTLY, variables=variables) as (_, caller):
        assert upload.go_on(caller, 30) == recount(upload.sent)
    back = store_command("migrate-store", tmp_path, "--sink", "firestore", "--drop-days")
    assert back.returncode == 0, back.stderr
    assert held(COMPACT, emulator, project) == {}
    with running(previous, tmp_path, *AS_BEFORE, variables=variables) as (_, caller):
        upload.go_on(caller, 30)
    assert held(DOCUMENTS, emulator, project) == recount(upload.sent)
