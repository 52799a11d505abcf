"""A clean slate in Firestore: what the sink made goes, and nothing else."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from newstally_persister.maintenance import firestore_emptying
from newstally_persister.maintenance.firestore_emptying import empty_database
from newstally_persister.maintenance.migration.note import Layout
from newstally_persister.sinks.firestore.writes import Write
from support.firestore_memory import MemoryFirestore
from support.migrating import Writer, articles, migrate
from unit.persister.maintenance.test_rehearsing import Billed, rehearse

BOTH = pytest.mark.parametrize("layout", ["documents", "compact"])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few documents need many pages."""
    monkeypatch.setattr(firestore_emptying, "DELETES_AT_A_TIME", 3)


async def written(layout: Layout) -> MemoryFirestore:
    memory = MemoryFirestore()
    writer = Writer(memory, layout)
    writer.record(articles(random.Random(1), 30))
    assert await writer.flush()
    await writer.sink.close()
    return memory


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_a_commit_that_is_too_large(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents are deleted in smaller ones; each counts once."""
    memory = await written("compact")
    commit, documents = memory.commit, len(memory.stored)

    async def refusing(writes: Sequence[Any], seconds: float) -> Any:
        if len(writes) > size:
            raise InvalidArgument("Transaction too big.")  # type: ignore[no-untyped-call]
        return await commit(writes, seconds)

    monkeypatch.setattr(memory, "commit", refusing)
    assert await empty_database(memory, 500) == documents  # type: ignore[arg-type]
    assert not memory.stored


async def put(memory: MemoryFirestore, *names: str) -> set[str]:
    """Store documents of another application; return all of them."""
    full = {f"{memory.documents}/{name}" for name in names}
    made = [Write(update={"name": name}) for name in sorted(full)]
    await memory.commit(made, 1.0)
    return full


@BOTH
async def test_documents_of_others_below_ours(layout: Layout, tmp_path: Path) -> None:
    """They stay, however many of our documents have some, and everything of ours goes.

    So do those whose collections are called as the other layout's are.
    """
    memory = await written(layout)
    root = "" if layout == "documents" else "newstally/compact/"
    others = await put(
        memory,
        *(f"{root}publications/{name}/notes/1" for name in ("a", "b", "c", "d", "post", "zzz")),
        *(f"{root}flushes/{n}/notes/1" for n in range(4)),
        *(
            "lists/shopping",
            "tallies/1",
            "publications/post/lists/1",
            "publications/post/tallies/1",
        ),
    )
    to: Layout = "compact" if layout == "documents" else "documents"
    told = await rehearse(memory, to, tmp_path)
    billed = Billed(memory)
    await migrate(billed, to, tmp_path)
    assert others <= memory.stored.keys()
    assert told is not None
    # At the end of the way to documents the note is deleted.
    assert told.deletes == billed.deletes - (to == "documents")
    assert await empty_database(memory, 500)  # type: ignore[arg-type]
    assert memory.stored.keys() == others
