"""`migrate-store` on the emulator: the command killed, persisters beside it, the same answers."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from newstally_persister import failpoints
from newstally_persister.maintenance.migration import stages
from newstally_persister.maintenance.migration.note import Layout
from newstally_persister.maintenance.migration.steps import Steps
from newstally_persister.sinks.base import PageLimits
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.sinks.questions.asked import (
    Days,
    Floor,
    Name,
    NothingComparableError,
    Period,
    Questions,
    UnansweredError,
)
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from support.firestore_compact import COMPACT, DOCUMENTS, TINY, Kind, compact
from support.firestore_days import days_from, recount_places
from support.firestore_patience import unhurried
from support.processes import Process, eventually
from unit.persister.building import Article, metrics, recount
from unit.persister.calling import Caller, persister
from unit.persister.sinks.questions import plain
from unit.persister.sinks.questions.plain import Counted

FLAGS = ("--sink", "firestore", "--flush-age", "0.2", "--firestore-part-writes", "5")
LAYOUTS: dict[Layout, Kind] = {"documents": DOCUMENTS, "compact": COMPACT}


def articles(seed: int, number: int = 12) -> list[Article]:
    """Return articles on days of every kind."""
    draw = random.Random(seed)
    today = datetime.now(UTC).date().toordinal() - 719_163
    days = [None, today, today - 1, today - 100, 3, today + 200]
    return [
        (
            draw.choice(("The Lantern", "a/b")),
            [(draw.choice(("a", "b", "..", "é" * 300)), draw.choice("PO")) for _ in range(3)],
            draw.choice(days),
        )
        for _ in range(number)
    ]


def running(directory: Path, host: str, project: str, layout: Layout) -> Process:
    process = persister(directory, *FLAGS, "--firestore-layout", layout)
    process.environment.update(FIRESTORE_EMULATOR_HOST=host, GOOGLE_CLOUD_PROJECT=project)
    return process


def command(
    directory: Path, host: str, project: str, layout: Layout, step: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "newstally_persister", "migrate-store"),
            *("--data-dir", str(directory / "data"), "--sink", "firestore"),
            *("--firestore-layout", layout, "--drop-days"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "FIRESTORE_EMULATOR_HOST": host,
            "GOOGLE_CLOUD_PROJECT": project,
            failpoints.VARIABLE: step,
        },
        timeout=120,
    )


async def assert_holds(host: str, project: str, layout: Layout, sent: list[Article]) -> None:
    for name, kind in LAYOUTS.items():
        async with kind.store(host, project) as store:
            total, dated = await store.counts()
        if name != layout:
            assert (total, dated) == ({}, {})
        else:
            assert total == recount(sent)
        if name == layout == "documents":
            today = datetime.now(UTC).date()
            assert dated == recount_places(sent, today, days_from(today))


async def test_killed_again_and_again(emulator: str, tmp_path: Path) -> None:
    """There and back; no persister begins meanwhile, and one goes on afterwards."""
    project, steps = "migrated", ("after-migrating:2", "before-migrating:4", "after-migrating:2")
    sent: list[Article] = []

    def record(layout: Layout, seed: int) -> None:
        upload = f"u{seed}"
        with running(tmp_path, emulator, project, layout) as process:
            with Caller(process.address) as caller:
                caller.create(upload)
                caller.insist(upload, 0, articles(seed))
                caller.until_applied(upload)
                sent.extend(articles(seed))
                assert caller.everything() == recount(sent)
            held = command(tmp_path, emulator, project, "compact")
            assert held.returncode == 2
            assert "is in use by process" in held.stderr
            assert process.terminate() == 0

    def refused(layout: Layout) -> None:
        with running(tmp_path, emulator, project, layout) as process:
            eventually(
                lambda: (
                    "is being changed"
                    in str(json.loads(process.admin("/readyz"))["sink"].get("error"))
                )
            )

    await asyncio.to_thread(record, "documents", 1)
    ways: list[tuple[Layout, Layout]] = [("documents", "compact"), ("compact", "documents")]
    for seed, (source, target) in enumerate(ways, 2):
        kills = 0
        while True:
            step = steps[min(kills, 2)]
            done = await asyncio.to_thread(command, tmp_path, emulator, project, target, step)
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL, done.stderr
            kills += 1
            if kills == 1 and target == "compact":
                await asyncio.to_thread(refused, source)
        assert kills > 1
        # The last kill may have come when all was done.
        assert f"the database has the layout `{target}`" in done.stderr
        await asyncio.to_thread(record, target, seed)
    await assert_holds(emulator, project, "documents", sent)


def counted(number: int) -> list[Counted]:
    """Return articles with days that are kept, in months of which days are not, and outside."""
    draw = random.Random(4)
    today = datetime.now(UTC).date().toordinal() - 719_163
    return [
        Counted(
            draw.choice(plain.PUBLICATIONS),
            None if (ago := draw.choice((None, 0, 1, 2, 9, 12, 100, 400))) is None else today - ago,
            {
                (draw.choice(plain.TEXTS), draw.choice(plain.LABELS)): draw.randrange(1, 5)
                for _ in range(draw.randrange(4))
            },
        )
        for _ in range(number)
    ]


async def answers(questions: Questions, sink: FirestoreSink) -> list[Any]:
    """Ask everything that can be asked; a refusal is an answer, too."""
    today = datetime.now(UTC).date().toordinal() - 719_163
    many = PageLimits(1_000, 10**6)
    spans = [Days(None, None), Days(today - 10, today), Days(None, today - 11)]
    name, label = Name("z ab a", ""), "ORG"
    recent, before = Period(today - 5, today), Period(today - 20, today - 6)
    asked: list[Callable[[], Awaitable[Any]]] = [
        partial(sink.list_publications, many, None),
        partial(sink.list_entity_tallies, "post", "", many, None),
        *(partial(questions.rank, "post", span, label, many, None) for span in spans),
        *(partial(questions.history, "post", name, span, many, None) for span in spans),
        partial(questions.history, None, name, spans[0], many, None),
        *(partial(questions.publications, name, span, many, None) for span in spans),
        partial(questions.find, "post", "a", "", many, None),
        partial(questions.rising, "post", None, None, Floor(1, ""), many, None, today),
        partial(questions.rising, "post", recent, before, Floor(1, ""), many, None, today),
    ]
    found = []
    for ask in asked:
        try:
            found.append(await ask())
        except (UnansweredError, NothingComparableError) as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize("source", ["documents", "compact"])
async def test_the_same_answers(
    source: Layout, emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after, whatever is asked; what months and dates far off tell, too."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    project = f"answers-{source}"
    connection = unhurried(project)

    def made(layout: Layout) -> tuple[Questions, FirestoreSink]:
        if layout == "documents":
            return FirestoreQuestions(connection, metrics()), FirestoreSink(
                connection, 7, metrics(), part_writes=1_000
            )
        return CompactQuestions(connection, metrics()), FirestoreSink(
            connection, 7, metrics(), part_writes=1_000, layout=compact()
        )

    some = counted(60)
    today = datetime.now(UTC).date().toordinal() - 719_163
    if source == "compact":
        # Documents know no days of what is older.
        some = [each for each in some if each.day is None or each.day > today - 20]
    else:
        some.append(Counted("post", 5, {("a", "ORG"): 2}))
    _, sink = made(source)
    await sink.apply(plain.part(some))
    before = await answers(*made(source))
    steps = Steps(connection, 10**6, print)
    for to in ("compact", "documents") if source == "documents" else ("documents", "compact"):
        wish = stages.Wish(to, None, 62, drop_days=True, others_stopped=True)
        assert await stages.migrate(steps, wish, tmp_path, print, TINY)
        assert await answers(*made(to)) == before
    await connection.close()
