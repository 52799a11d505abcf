"""A database keeps the layout that it was begun with."""

from pathlib import Path

import pytest
from newstally_persister.maintenance.firestore_emptying import empty_database
from newstally_persister.sinks.base import Mark, PermanentSinkError
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from support.firestore_bench import Bench
from support.firestore_compact import COMPACT, DOCUMENTS, Kind
from support.firestore_patience import unhurried
from unit.persister.building import Article, recount

X: list[Article] = [("Post", [("x", "P"), ("y", "P")])] * 3
BOTH = pytest.mark.parametrize(
    ("one", "other"), [(DOCUMENTS, COMPACT), (COMPACT, DOCUMENTS)], ids=lambda kind: kind.name
)


@pytest.fixture(autouse=True)
def host(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)


def part(journal: str, flush: int = 1) -> Part:
    publications, entities = [PublicationRow("p", "P", 2, 2)], [EntityRow("p", "x", "ORG", 2, 2)]
    return Part(journal, flush, 1, digest(publications, entities), publications, entities)


def sink(kind: Kind, project: str) -> FirestoreSink:
    return kind.make_sink(unhurried(project))


@BOTH
async def test_the_other_layout_is_refused(
    one: Kind, other: Kind, emulator: str, tmp_path: Path
) -> None:
    """At the start, whatever the journal; nothing is written, and the remedy names the layout."""
    project = f"layout-{one.name}"
    async with Bench(tmp_path, project, one.make_sink) as bench:
        bench.start()
        await bench.record("u", X)
        await bench.until_applied()
    stranger = sink(other, project)
    for journal in ("fresh", "known"):
        with pytest.raises(PermanentSinkError, match=f"layout `{one.name}`") as caught:
            await stranger.mark(journal)
        assert f"--firestore-layout {one.name}" in caught.value.remedy
    await stranger.close()
    async with one.store(emulator, project) as store:
        assert (await store.counts())[0] == recount(X)
    async with Bench(tmp_path, project, one.make_sink) as bench:
        bench.start()
        await bench.until_applied()
        assert not bench.fatal


@BOTH
async def test_who_began_meanwhile_is_noticed_before_the_first_part(one: Kind, other: Kind) -> None:
    """Both found the database empty at their starts: the later one stops before it writes."""
    project = f"meanwhile-{one.name}"
    first, second = sink(one, project), sink(other, project)
    assert await first.mark("a") == await second.mark("b") == Mark(0, 0)
    await first.apply(part("a"))
    with pytest.raises(PermanentSinkError, match=f"layout `{one.name}`"):
        await second.apply(part("b"))
    await first.apply(part("a", 2))
    await first.close()
    await second.close()


async def test_a_compact_database_is_emptied() -> None:
    """Nothing of it is left, and then the other layout may begin."""
    project = "emptied-compact"
    connection = unhurried(project)
    compact, documents = sink(COMPACT, project), sink(DOCUMENTS, project)
    for flush in range(1, 30):
        await compact.apply(part("a", flush))
    async with connection.use() as client:
        root = f"{client.documents}/newstally/compact"
        name = f"{root}/publications/p"
        assert len(await client.names(name, "tallies", 10, 10.0)) > 1
        await empty_database(client, 500)
        assert await client.read(root, 10.0) is None
        for parent, collection in (
            (root, "journals"),
            (root, "flushes"),
            (root, "publications"),
            (name, "tallies"),
        ):
            assert await client.names(parent, collection, 10, 10.0) == []
    await documents.mark("a")
    await documents.apply(part("a"))
    for each in (compact, documents, connection):
        await each.close()
