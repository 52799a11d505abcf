"""Days while releases change: what the previous one records or applies counts under no day."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from integration.firestore.conftest import emulator  # noqa: F401 - a fixture
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from rollouts.test_mixed_versions import (
    SERVICES,
    previous,  # noqa: F401 - a fixture
)
from rollouts.test_mixed_versions import running as services
from rollouts.test_mixed_versions import upload as upload_of
from rollouts.test_stores import SOON, running, store_command
from support.corpus import assert_counted_once, make_articles
from support.firestore_bench import Store
from support.firestore_days import Places, days_from, recount_places
from support.processes import REPOSITORY
from unit.persister.building import Article, DayTallies, Tallies, recount, recount_days, sink_days

DAY = datetime.now(UTC).date().toordinal() - datetime(1970, 1, 1, tzinfo=UTC).date().toordinal()


def dated(first: int, number: int) -> list[Article]:
    """Return articles of today, of yesterday, of last year, and of no day."""
    days = (DAY, DAY, DAY - 1, DAY - 400, None)
    return [
        (f"Daily {n % 3}", [(f"name {n % 7}", "PERSON"), ("town", "GPE")], days[n % 5])
        for n in range(first, first + number)
    ]


class Upload:
    """One upload that goes on whoever is at work."""

    def __init__(self, directory: Path, *flags: str, **variables: str) -> None:
        self.directory = directory
        self.flags = flags
        self.variables = variables
        self.sent: list[Article] = []

    def go_on(self, tree: Path, number: int = 40) -> list[Article]:
        """Record so many more articles under a release, until they are applied."""
        flags = (*SOON, *self.flags)
        with running(tree, self.directory, *flags, variables=self.variables) as (_, caller):
            caller.create("u")
            more = dated(len(self.sent), number)
            caller.insist("u", len(self.sent), more)
            self.sent += more
            caller.until_applied("u")
            assert caller.everything() == recount(self.sent)
        return more

    def die(self, tree: Path, step: str) -> list[Article]:
        """Record articles under a release that is killed at a step of their flush."""
        killed = {**self.variables, "NEWSTALLY_FAIL_POINT": step}
        flags = (*SOON, *self.flags)
        with running(tree, self.directory, *flags, variables=killed) as (process, caller):
            caller.create("u")
            more = dated(len(self.sent), 40)
            caller.give("u", len(self.sent), more)
            assert process.wait_exit() == -9
        self.sent += more
        return more


@pytest.mark.slow
def test_firestore_under_both_releases_by_turns(
    previous: Path,  # noqa: F811
    emulator: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Totals are exact at each turn; days are those of what this release recorded and applied."""
    project = "rollout-days"
    upload = Upload(
        tmp_path,
        *("--sink", "firestore", "--firestore-part-writes", "4"),
        FIRESTORE_EMULATOR_HOST=emulator,
        GOOGLE_CLOUD_PROJECT=project,
    )
    today = datetime.now(UTC).date()

    async def stored() -> tuple[Tallies, Places]:
        async with Store(emulator, project) as store:
            return await store.counts()

    expected = Places()
    for tree in (previous, REPOSITORY, previous, REPOSITORY):
        some = upload.go_on(tree)
        if tree == REPOSITORY:
            expected += recount_places(some, today, days_from(today))
        assert asyncio.run(stored()) == (recount(upload.sent), expected)
    # This release planned the flush; the previous one applies it, without days. Then the other way.
    for dying, tree in ((REPOSITORY, previous), (previous, REPOSITORY)):
        before = asyncio.run(stored())[1]
        upload.die(dying, "after-fixing")
        more = upload.go_on(tree)
        total, found = asyncio.run(stored())
        assert total == recount(upload.sent)
        if tree == REPOSITORY:
            before += recount_places(more, today, days_from(today))
        assert found == before
    upload.go_on(REPOSITORY)
    assert asyncio.run(stored())[0] == recount(upload.sent)


@pytest.mark.slow
def test_a_store_of_the_previous_release_gets_days_when_it_is_upgraded(
    previous: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Until then it counts under no day; afterwards it is led back only if days may go."""
    upload = Upload(tmp_path)
    for tree in (previous, REPOSITORY, previous):
        upload.go_on(tree)
    upload.die(REPOSITORY, "before-deleting")
    upload.go_on(previous)
    undated = list(upload.sent)
    assert store_command("upgrade-store", tmp_path).returncode == 0
    upload.go_on(REPOSITORY)
    upload.die(REPOSITORY, "after-fixing")
    upload.go_on(REPOSITORY)
    expected = recount_days([article and article[:2] for article in undated])
    expected += recount_days(upload.sent[len(undated) :])
    assert held(tmp_path) == expected
    refused = store_command("downgrade-store", tmp_path)
    assert (refused.returncode, "--drop-days" in refused.stderr) == (1, True)
    assert store_command("downgrade-store", tmp_path, "--drop-days").returncode == 0
    for tree in (previous, REPOSITORY):
        upload.go_on(tree)
    assert store_command("upgrade-store", tmp_path).returncode == 0
    assert {key[-1] for key in held(tmp_path)} == {None}


@pytest.mark.slow
@pytest.mark.parametrize("older", [(), ("gateway",), ("extractor",)], ids=str)
async def test_an_older_gateway_passes_no_days_on(
    previous: Path,  # noqa: F811
    tmp_path: Path,
    older: tuple[str, ...],
) -> None:
    """Its articles count all the same; an older extractor makes no difference."""
    time = datetime(1970, 1, 1, 12, tzinfo=UTC) + timedelta(days=DAY)
    sent = [replace(article, publish_time=time) for article in make_articles(60)]
    trees = {name: previous if name in older else REPOSITORY for name in SERVICES}
    with services(trees, tmp_path) as address:
        await upload_of(address, sent)
        await assert_counted_once(address, sent)
    days = {key[-1] for key in held(tmp_path)}
    assert days == ({None} if "gateway" in older else {DAY})


def held(directory: Path) -> DayTallies:
    """Return what the store holds by day."""
    connection = sqlite_schema.connect(directory / "data" / "tallies.db")
    try:
        return sink_days(SqliteTallies(connection))
    finally:
        connection.close()
