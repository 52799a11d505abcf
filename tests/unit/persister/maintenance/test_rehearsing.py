"""`migrate-store --dry-run`: what it says is what the migration then does."""

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from newstally_persister.maintenance.migration import rehearsing, stages
from newstally_persister.maintenance.migration.note import Layout
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.connection import Connection
from support.firestore_memory import MemoryFirestore
from support.migrating import SAID, TINY, Writer, articles, migrate

BOTH = pytest.mark.parametrize("layout", ["documents", "compact"])


def other(layout: Layout) -> Layout:
    return "compact" if layout == "documents" else "documents"


async def rehearse(
    client: Any, to: Layout, directory: Path, said: stages.Wish = SAID
) -> rehearsing.Cost | None:
    async def connect() -> Any:
        return client

    steps = rehearsing.Rehearsal(Connection(connect), 10**9, print)
    return await rehearsing.rehearse(steps, replace(said, to=to), directory, print, TINY)


class Stopped(BaseException):
    """The migration is broken off."""


class Billed:
    """A database in memory that counts what is deleted, and is gone at one of its commits."""

    def __init__(self, memory: MemoryFirestore, commits: int = 10**9) -> None:
        self._memory = memory
        self._left = commits
        self.deletes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def commit(self, writes: Sequence[Any], seconds: float) -> Any:
        if not self._left:
            raise Stopped
        self._left -= 1
        self.deletes += sum(1 for write in writes if write.delete)
        return await self._memory.commit(writes, seconds)


@BOTH
@pytest.mark.parametrize("seed", range(4))
async def test_it_says_what_a_migration_takes(seed: int, layout: Layout, tmp_path: Path) -> None:
    """It changes nothing; the migration writes and deletes as much, and reads about as much."""
    draw = random.Random(seed)
    memory = MemoryFirestore()
    writer = Writer(memory, layout)
    writer.record(articles(draw, 30))
    assert await writer.flush()
    writer.record(articles(draw, 30))
    await writer.flush(draw.randrange(1, 9))
    await writer.sink.close()
    before, writes = memory.stored.copy(), memory.writes
    told = await rehearse(memory, other(layout), tmp_path)
    assert (memory.stored, memory.writes) == (before, writes)
    assert told is not None
    assert "dollars" in told.told(500)
    billed, reads = Billed(memory), memory.reads
    await migrate(billed, other(layout), tmp_path)
    # At the end of the way to documents the note is deleted, not written.
    note = other(layout) == "documents"
    assert told.deletes == billed.deletes - note
    assert told.writes == memory.writes - writes - billed.deletes + note
    assert told.reads == pytest.approx(memory.reads - reads, rel=0.25)
    assert await rehearse(memory, other(layout), tmp_path) is None
    assert [*os.scandir(tmp_path)] == []


@BOTH
@pytest.mark.parametrize("commits", [1, 2, 4, 8])
async def test_what_is_left_of_a_migration(layout: Layout, commits: int, tmp_path: Path) -> None:
    """Wherever it was broken off: at most what the whole of it takes, and nothing is changed."""
    memory = MemoryFirestore()
    writer = Writer(memory, layout)
    writer.record(articles(random.Random(1), 20))
    assert await writer.flush()
    await writer.sink.close()
    whole = await rehearse(memory, other(layout), tmp_path)
    with pytest.raises(Stopped):
        await migrate(Billed(memory, commits), other(layout), tmp_path)
    before, writes = memory.stored.copy(), memory.writes
    left = await rehearse(memory, other(layout), tmp_path)
    assert (memory.stored, memory.writes) == (before, writes)
    assert whole is not None
    assert left is not None
    assert left.writes < whole.writes
    billed = Billed(memory)
    await migrate(billed, other(layout), tmp_path)
    note = other(layout) == "documents"
    assert left.writes + left.deletes == memory.writes - writes
    assert left.deletes == billed.deletes - note


async def test_what_giving_up_takes(tmp_path: Path) -> None:
    """What was copied is deleted; after the switch it is refused."""
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    writer.record(articles(random.Random(1), 20))
    assert await writer.flush()
    with pytest.raises(Stopped):
        await migrate(Billed(memory, 3), "compact", tmp_path)
    told = await rehearse(memory, "documents", tmp_path)
    billed, writes = Billed(memory), memory.writes
    await migrate(billed, "documents", tmp_path)
    assert told is not None
    assert told.deletes == billed.deletes - 1 > 0
    assert told.writes + told.deletes == memory.writes - writes
    switched = False
    for commits in range(1, 99):
        with pytest.raises(Stopped):
            await migrate(Billed(memory, 1), "compact", tmp_path)
        try:
            assert await rehearse(memory, "documents", tmp_path)
        except PermanentSinkError as error:
            assert "is not done" in str(error)  # noqa: PT017
            switched = commits > 3
            break
    assert switched


async def test_it_refuses_what_the_migration_refuses(tmp_path: Path) -> None:
    """With the same words; other journals, and losing days, have to be said."""
    memory = MemoryFirestore()
    writer = Writer(memory, "documents")
    writer.record(articles(random.Random(1), 9))
    assert await writer.flush()
    alone = replace(SAID, others_stopped=False, drop_days=False)
    with pytest.raises(PermanentSinkError, match=writer.id) as caught:
        await rehearse(memory, "compact", tmp_path, alone)
    assert "--others-stopped" in caught.value.remedy
    await migrate(memory, "compact", tmp_path)
    own = replace(alone, journal_id=writer.id)
    with pytest.raises(PermanentSinkError, match="by month") as caught:
        await rehearse(memory, "documents", tmp_path, own)
    assert "--drop-days" in caught.value.remedy
