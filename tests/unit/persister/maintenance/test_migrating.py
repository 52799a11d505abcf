"""From one layout of Firestore to the other: exact, wherever it is broken off."""

import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Aborted, InvalidArgument, ServiceUnavailable
from newstally_persister.journal.tables import flushes
from newstally_persister.maintenance.migration import copying, steps
from newstally_persister.maintenance.migration.note import Layout
from newstally_persister.sinks.base import JournalMismatchError, PermanentSinkError
from newstally_persister.sinks.questions.asked import Days, Floor, NothingComparableError
from newstally_persister.sinks.questions.firestore import FirestoreQuestions
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from support.billed import Asked, Subject, questions
from support.firestore_memory import MemoryFirestore
from support.migrating import (
    EPOCH_DAY,
    SAID,
    TODAY,
    Died,
    Writer,
    articles,
    count,
    documents,
    expected,
    migrate,
)
from unit.persister.building import EVERYTHING, metrics, recount

BOTH = pytest.mark.parametrize("layout", ["documents", "compact"])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few articles need many pages and commits."""
    monkeypatch.setattr(copying, "ENTITIES_AT_A_TIME", 3)
    monkeypatch.setattr(copying, "TALLIES_AT_A_TIME", 2)
    monkeypatch.setattr(copying, "NAMES_AT_A_TIME", 2)
    monkeypatch.setattr(copying, "COMMIT_BYTES", 900)


def other(layout: Layout) -> Layout:
    return "compact" if layout == "documents" else "documents"


@pytest.mark.parametrize("seed", range(12))
async def test_there_and_back(seed: int, tmp_path: Path) -> None:
    """Each holds what a plain recount says, and a persister goes on."""
    draw = random.Random(seed)
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    layout: Layout = "documents"
    for _ in range(3):
        for _ in range(draw.randrange(1, 4)):
            writer.record(articles(draw, draw.randrange(1, 12)))
            assert await writer.flush()
        if layout == "documents":
            before = list(writer.sent)
            assert count(memory)["documents"] == expected(before, "documents")
        layout = other(layout)
        await migrate(memory, layout, tmp_path)
        found = count(memory)
        assert found[other(layout)] == ({}, {})
        if layout == "compact":
            assert found[layout] == expected(before, layout)
        else:
            assert found[layout] == expected(writer.sent, layout)
        writer.use(layout)
    assert [*os.scandir(tmp_path)] == []


async def test_lists_of_publications_to_which_nothing_came_since(tmp_path: Path) -> None:
    """They have no log, and their lists show everything: a page costs two reads."""
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    writer.record([("Post", [("a", "P"), ("b", "P")], None), ("Post", [("a", "P")], EPOCH_DAY)])
    assert await writer.flush()
    await migrate(memory, "compact", tmp_path)
    asked = Asked(memory, "compact", TODAY)
    await asked.sink.mark(writer.id)
    await asked.list()
    ask = questions(Subject("post", "a", "P", EPOCH_DAY))
    reads, page = await asked.reads(ask["top 10"])
    assert [(each.text, each.mentions) for each in page.items] == [("a", 2), ("b", 1)]
    assert reads == 2
    reads, ranking = await asked.reads(ask["top 10 of the last 7 days"])
    assert [(each.text, each.mentions) for each in ranking.page.items] == [("a", 1)]
    assert reads == 3
    # The next process writes nothing anew but the list of publications.
    again, writes = Asked(memory, "compact", TODAY), memory.writes
    await again.sink.mark(writer.id)
    await again.list()
    assert memory.writes == writes + 1


@BOTH
async def test_a_flush_that_is_open(layout: Layout, tmp_path: Path) -> None:
    """Parts that are applied are known by their receipts, the journal heard of them or not."""
    parts = 0
    complete = False
    while not complete:
        parts += 1
        for told in (True, False):
            memory = MemoryFirestore()
            draw = random.Random(parts)
            writer = Writer(memory, layout)
            writer.record(articles(draw, 5))
            assert await writer.flush()
            writer.record(articles(draw, 12))
            complete = await writer.flush(parts, told=told)
            await migrate(memory, other(layout), tmp_path)
            writer.use(other(layout))
            assert await writer.flush()
            writer.record(articles(draw, 3))
            assert await writer.flush()
            found = count(memory)
            assert found[other(layout)][0] == recount(writer.sent)
            assert found[layout] == ({}, {})
            if other(layout) == "documents":
                assert found["documents"] == expected(writer.sent, "documents")
    assert parts > 3


class Fragile:
    """A database whose client dies at one of its commits, which arrives or not."""

    def __init__(self, memory: MemoryFirestore, dies_at: int, *, arrives: bool) -> None:
        self._memory = memory
        self._left = dies_at
        self._arrives = arrives

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def commit(self, writes: Any, seconds: float) -> Any:
        self._left -= 1
        if self._left:
            return await self._memory.commit(writes, seconds)
        if self._arrives:
            await self._memory.commit(writes, seconds)
        raise Died


@BOTH
@pytest.mark.parametrize("arrives", [False, True])
async def test_killed_at_each_commit(layout: Layout, arrives: bool, tmp_path: Path) -> None:
    """The next run goes on; until the switch the old layout is in force and whole, then the new."""
    dies_at = 0
    stages = set()
    while True:
        dies_at += 1
        memory = MemoryFirestore()
        draw = random.Random(7)
        writer = Writer(memory, layout)
        writer.record(articles(draw, 3))
        assert await writer.flush()
        writer.record(articles(draw, 6))
        assert not await writer.flush(2, told=False)
        before = count(memory)[layout]
        try:
            await migrate(Fragile(memory, dies_at, arrives=arrives), other(layout), tmp_path)
        except Died:
            note = documents(memory).get("newstally/compact", {})
            in_force: Layout = note.get("layout", "documents")
            stage = note.get("migration", {}).get("stage", "")
            stages.add(stage)
            held = count(memory)[in_force]
            if in_force == layout:
                assert held == before
            if stage in ("clearing", "copying"):
                for flag in (layout, other(layout)):
                    writer.use(flag)
                    with pytest.raises(PermanentSinkError, match="being changed"):
                        await writer.sink.mark(writer.id)
            await migrate(memory, other(layout), tmp_path)
        else:
            break
        writer.use(other(layout))
        assert await writer.flush()
        found = count(memory)
        assert found[other(layout)][0] == recount(writer.sent)
        assert found[layout] == ({}, {})
    assert dies_at > 12
    assert {"clearing", "copying", "switched", "deleting"} <= stages


class Crowded:
    """A database to which somebody else writes before each commit of a migration, once."""

    def __init__(self, memory: MemoryFirestore, at: int, write: Callable[[], Any]) -> None:
        self._memory = memory
        self._left = at
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def commit(self, writes: Any, seconds: float) -> Any:
        self._left -= 1
        if not self._left:
            await self._write()
        return await self._memory.commit(writes, seconds)


@BOTH
@pytest.mark.parametrize("part", [1, 2])
async def test_somebody_writes_meanwhile(layout: Layout, part: int, tmp_path: Path) -> None:
    """With another journal, at any moment: it is noticed, and the copy made anew has that, too."""
    noticed = at = 0
    done = False
    while not done:
        at += 1
        memory = MemoryFirestore()
        draw = random.Random(5)
        writer, stranger = Writer(memory, layout), Writer(memory, layout)
        writer.record(articles(draw, 3))
        assert await writer.flush()
        stranger.record(articles(draw, 1))
        assert await stranger.flush()
        stranger.record(articles(draw, 4))
        # Its mark does not move with the second part of a flush.
        stranger.journal.run(flushes.cut)
        assert not await stranger.flush(part - 1)
        done = True

        async def write(stranger: Writer = stranger) -> None:
            nonlocal done
            done = False
            given = stranger.next_part()
            assert given is not None
            with suppress(JournalMismatchError):
                await stranger.sink.apply(given)

        client = Crowded(memory, at, write)
        for _ in range(3):
            try:
                await migrate(client, other(layout), tmp_path)
            except PermanentSinkError as error:
                assert "wrote to the database meanwhile" in str(error)  # noqa: PT017
                assert stranger.id in str(error) or part == 2  # noqa: PT017
                noticed += 1
            else:
                break
        writer.use(other(layout))
        stranger.use(other(layout))
        for each in (writer, stranger):
            assert await each.flush()
        found = count(memory)
        assert found[other(layout)][0] == recount([*writer.sent, *stranger.sent])
        assert found[layout] == ({}, {})
    assert noticed > 3


async def test_what_it_asks_for(tmp_path: Path) -> None:
    """Other journals, and losing days, have to be said; it can be given up before the switch."""
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    writer.record(articles(random.Random(1), 9))
    assert await writer.flush()
    before = dict(memory.stored)
    alone = replace(SAID, others_stopped=False, drop_days=False)
    with pytest.raises(PermanentSinkError, match=writer.id) as caught:
        await migrate(memory, "compact", tmp_path, alone)
    assert "--others-stopped" in caught.value.remedy
    assert memory.stored == before
    own = replace(alone, journal_id=writer.id)
    with pytest.raises(Died):
        await migrate(Fragile(memory, 6, arrives=True), "compact", tmp_path, own)
    assert memory.stored != before
    said = await migrate(memory, "documents", tmp_path, own)
    assert "given up" in said[0]
    assert memory.stored == before
    await migrate(memory, "compact", tmp_path, own)
    before = dict(memory.stored)
    with pytest.raises(PermanentSinkError, match="by month") as caught:
        await migrate(memory, "documents", tmp_path, own)
    assert "--drop-days" in caught.value.remedy
    assert memory.stored == before
    assert await migrate(memory, "compact", tmp_path, own) == []


@BOTH
async def test_a_layout_that_is_not_in_force_answers_nothing(
    layout: Layout, tmp_path: Path
) -> None:
    """Neither a copy that is not whole nor one that is gone is told as if it were all.

    Whether it is in force costs one read, however much is asked.
    """
    memory = MemoryFirestore()
    writer = Writer(memory, layout)
    writer.record(articles(random.Random(1), 9))
    assert await writer.flush()

    def answers(flag: Layout) -> list[Callable[[], Any]]:
        writer.use(flag)
        asks = FirestoreQuestions if flag == "documents" else CompactQuestions
        questions = asks(writer.sink.connection, metrics())
        return [
            lambda: writer.sink.list_publications(EVERYTHING, None),
            lambda: writer.sink.list_entity_tallies("post", "", EVERYTHING, None),
            lambda: questions.rank("post", Days(), "", EVERYTHING, None),
        ]

    async def refused(flag: Layout, why: str) -> None:
        for answer in answers(flag):
            with pytest.raises(PermanentSinkError, match=why) as caught:
                await answer()
            assert "migrate-store" in caught.value.remedy

    with pytest.raises(Died):
        await migrate(Fragile(memory, 4, arrives=True), other(layout), tmp_path)
    for flag in (layout, other(layout)):
        await refused(flag, "being changed")
    await migrate(memory, other(layout), tmp_path)
    await refused(layout, f"layout `{other(layout)}`")
    first, *_ = wanted = answers(other(layout))
    reads = memory.reads
    assert (await first()).items
    reads, once = memory.reads, memory.reads - reads
    assert (await first()).items
    assert memory.reads - reads == once - 1
    for answer in wanted:
        assert await answer()


@pytest.mark.parametrize(
    ("day", "told"),
    [(EPOCH_DAY - 400, "whole months"), (-20_000, "whole months"), (None, "no article has a day")],
)
async def test_an_archive_that_is_known_by_month(
    day: int | None, told: str, tmp_path: Path
) -> None:
    """Who asks what rises is not told to send days that were sent."""
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    writer.record([("Post", [("a", "P")], day)])
    assert await writer.flush()
    for asks in (FirestoreQuestions, CompactQuestions):
        questions = asks(writer.sink.connection, metrics())
        with pytest.raises(NothingComparableError, match=told):
            await questions.rising("post", None, None, Floor(1, ""), EVERYTHING, None, EPOCH_DAY)
        await migrate(memory, "compact", tmp_path)
        writer.use("compact")


async def test_documents_of_an_older_release_beside(tmp_path: Path) -> None:
    """Nobody's tallies are deleted for being in the way."""
    memory = MemoryFirestore()
    writer, older = Writer(memory, "compact"), Writer(memory, "documents")
    # 0.2.0 does not look which layout a database has.
    older.record(articles(random.Random(2), 5))
    assert await older.flush()
    before = dict(memory.stored)
    memory.stored.clear()
    writer.record(articles(random.Random(1), 9))
    assert await writer.flush()
    memory.stored.update(before)
    before = dict(memory.stored)
    with pytest.raises(PermanentSinkError, match=older.id):
        await migrate(memory, "documents", tmp_path)
    assert memory.stored == before


@BOTH
async def test_trouble_that_passes(layout: Layout, tmp_path: Path, monkeypatch: Any) -> None:
    """Calls that fail are tried again, whether they were applied or not; sizes are halved."""
    monkeypatch.setattr(steps, "FIRST_SECONDS", 0.0001)
    monkeypatch.setattr(steps, "TOLD_SECONDS", 0.0)
    memory = MemoryFirestore()
    draw = random.Random(3)
    writer = Writer(memory, layout)
    writer.record(articles(draw, 10))
    assert await writer.flush()

    class Troubled(Fragile):
        async def commit(self, writes: Any, seconds: float) -> Any:
            fate = draw.random()
            if len(writes) > 4:
                raise InvalidArgument("too large")  # type: ignore[no-untyped-call]
            if fate < 0.8:
                done = await memory.commit(writes, seconds)
            if fate > 0.6:
                raise ServiceUnavailable("lost")  # type: ignore[no-untyped-call]
            return done

        async def read(self, name: str, seconds: float) -> Any:
            if draw.random() < 0.2:
                raise Aborted("busy")  # type: ignore[no-untyped-call]
            return await memory.read(name, seconds)

    said = await migrate(Troubled(memory, 0, arrives=True), other(layout), tmp_path)
    assert any("tried again" in line for line in said)
    assert any("written or deleted" in line for line in said)
    assert count(memory)[other(layout)][0] == recount(writer.sent)
