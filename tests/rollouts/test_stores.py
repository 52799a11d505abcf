"""Journals and stores of the previous release under this one, and back again."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from integration.persister.test_small_disk import HEADROOM, LONG, mounted, room
from integration.persister.test_small_disk import articles as large_articles
from rollouts.test_mixed_versions import (
    committed,  # noqa: F401 - a fixture
    previous,  # noqa: F401 - a fixture
    sources,
)
from support.processes import REPOSITORY, Process, eventually
from unit.persister.building import Article, Tallies, recount
from unit.persister.calling import Caller

PUBLICATIONS = 76
SOON = ("--flush-age", "0.05")


def articles(first: int, number: int) -> list[Article]:
    """Return articles of many publications, whose entities overlap."""
    return [
        (f"Daily {n % PUBLICATIONS}", [(f"name {n % 7}", "PERSON"), (f"town {n}", "GPE")])
        for n in range(first, first + number)
    ]


@contextlib.contextmanager
def running(
    tree: Path, directory: Path, *flags: str, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[Process, Caller]]:
    """Run the persister of a tree on `directory / "data"`."""
    directory.mkdir(exist_ok=True)
    environment = {"PYTHONPATH": sources(tree), **(variables or {})}
    data = ["--data-dir", str(directory / "data"), *flags]
    process = Process("newstally_persister", data, directory / "log", environment)
    with process, Caller(process.address) as caller:
        yield process, caller


def store_command(name: str, directory: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this release for the store."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "newstally_persister",
            name,
            "--data-dir",
            str(directory / "data"),
            *flags,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": sources(REPOSITORY)},
        timeout=120,
    )


class Upload:
    """One upload that goes on whoever is at work."""

    def __init__(self) -> None:
        self.sent: list[Article] = []

    def go_on(self, caller: Caller, number: int) -> Tallies:
        """Record so many more articles; return all tallies once they are applied."""
        caller.create("u")
        more = articles(len(self.sent), number)
        caller.insist("u", len(self.sent), more)
        self.sent += more
        caller.until_applied("u")
        return caller.everything()


@pytest.mark.slow
def test_a_store_goes_on_is_upgraded_and_comes_back(previous: Path, tmp_path: Path) -> None:  # noqa: F811
    """The same upload under both releases by turns, before the upgrade, after it, and back."""
    upload = Upload()
    for tree in (previous, REPOSITORY, previous):
        with running(tree, tmp_path, *SOON) as (_, caller):
            assert upload.go_on(caller, 100) == recount(upload.sent)
    assert len({article[0] for article in upload.sent if article}) == PUBLICATIONS
    upgraded = store_command("upgrade-store", tmp_path)
    assert upgraded.returncode == 0, upgraded.stderr
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        assert caller.everything() == recount(upload.sent)
        assert upload.go_on(caller, 100) == recount(upload.sent)
        refused = store_command("downgrade-store", tmp_path)
        assert (refused.returncode, "in use" in refused.stderr) == (2, True)
    # The previous release takes articles, and leaves alone what it does not know.
    with running(previous, tmp_path, *SOON) as (process, caller):
        more = articles(len(upload.sent), 50)
        caller.insist("u", len(upload.sent), more)
        upload.sent += more
        # It says so once it has tried to apply them.
        eventually(
            lambda: "schema version 2" in process.admin("/readyz"), what="the sink is in trouble"
        )
    assert store_command("downgrade-store", tmp_path).returncode == 0
    for tree in (previous, REPOSITORY):
        with running(tree, tmp_path, *SOON) as (_, caller):
            assert upload.go_on(caller, 50) == recount(upload.sent)


@pytest.mark.slow
@pytest.mark.parametrize("step", ["after-fixing", "after-reply", "before-deleting"])
def test_a_flush_that_was_killed_is_finished(previous: Path, tmp_path: Path, step: str) -> None:  # noqa: F811
    """Parts that the previous release fixed are read back with their digest, and applied once."""
    upload = Upload()
    killed = {"NEWSTALLY_FAIL_POINT": step}
    sent = articles(0, 200)
    with running(previous, tmp_path, *SOON, variables=killed) as (process, caller):
        caller.create("u")
        caller.give("u", 0, sent)
        assert process.wait_exit() == -9
    upload.sent += sent
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        assert upload.go_on(caller, 10) == recount(upload.sent)


@pytest.mark.slow
def test_a_journal_full_of_free_pages_takes_articles(previous: Path, tmp_path: Path) -> None:  # noqa: F811
    """What an outage under the previous release left in the file is room."""
    sent = large_articles(0, 600)
    elsewhere = ("--sqlite-path", str(tmp_path / "tallies.db"))
    with mounted(tmp_path / "data", 40 * 1024 * 1024) as disk:
        with running(previous, tmp_path, *HEADROOM, *LONG, *elsewhere) as (process, caller):
            caller.create("u")
            for first in range(0, 600, 20):
                caller.record("u", first, sent[first : first + 20])
            assert process.terminate(60) == 0
        (disk / "somebody-elses").write_bytes(b"\0" * (room(disk) - 12 * 1024 * 1024))
        with running(REPOSITORY, tmp_path, *HEADROOM, *SOON, *elsewhere) as (_, caller):
            more = large_articles(600, 20)
            assert caller.record("u", 600, more).next_offset == 620
            caller.until_applied("u")
            assert caller.everything() == recount(sent + more)


def test_a_clean_slate_is_a_new_store(tmp_path: Path) -> None:
    """Nothing goes without the name; afterwards there are neither tallies nor uploads."""
    upload = Upload()
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        upload.go_on(caller, 20)
    name = str(tmp_path / "data" / "tallies.db")
    asked = store_command("empty-store", tmp_path)
    wrong = store_command("empty-store", tmp_path, "--store-name", "another")
    for refused in (asked, wrong):
        assert (refused.returncode, "nothing was deleted" in refused.stderr) == (2, True)
        assert name in refused.stderr
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        assert caller.everything() == recount(upload.sent)
    emptied = store_command("empty-store", tmp_path, "--store-name", name)
    assert emptied.returncode == 0, emptied.stderr
    again = Upload()
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        assert caller.everything() == {}
        assert again.go_on(caller, 30) == recount(again.sent)


def test_a_slate_that_is_half_clean_is_cleaned_first(tmp_path: Path) -> None:
    """No persister starts on it, and the command goes on."""
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        Upload().go_on(caller, 20)
    (tmp_path / "data" / "emptying").touch()
    (tmp_path / "data" / "tallies.db").unlink()
    data = ["--data-dir", str(tmp_path / "data")]
    process = Process("newstally_persister", data, tmp_path / "log")
    process.launch()
    assert process.wait_exit() == 2
    assert "empty-store" in process.events("cannot start")[-1]["reason"]
    name = str(tmp_path / "data" / "tallies.db")
    assert store_command("empty-store", tmp_path, "--store-name", name).returncode == 0
    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        assert caller.everything() == {}
