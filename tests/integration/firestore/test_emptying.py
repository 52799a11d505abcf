"""A clean slate in Firestore: everything that the sink made goes, also after an interruption."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from newstally_persister.maintenance.firestore_emptying import empty_database
from newstally_persister.sinks.base import Mark, PageLimits, PublicationUnknownError
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from support.firestore_patience import unhurried
from unit.persister.building import metrics

LIMITS = PageLimits(100, 10**6)


def part(number: int, publications: list[PublicationRow], entities: list[EntityRow]) -> Part:
    return Part("j", 1, number, digest(publications, entities), publications, entities)


async def test_a_clean_slate(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off and said again, nothing is left: no tally, receipt, mark or orphan."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    project = f"slate-{uuid.uuid4().hex[:8]}"
    connection = unhurried(project)
    sink = FirestoreSink(connection, 7, metrics(), part_writes=500)
    entities = [EntityRow(key, f"e{n}", "P", 1, 1) for key in ("a", "b") for n in range(30)]
    await sink.apply(part(1, [PublicationRow("a", "A", 30, 1)], entities[:30]))
    # An entity may be there without its publication.
    await sink.apply(part(2, [], entities[30:]))
    (tmp_path / "data").mkdir()
    name = f"projects/{project}/databases/(default)"

    def stop(deleted: int) -> None:
        if deleted > 20:
            raise KeyboardInterrupt

    async with connection.use() as client:
        with pytest.raises(KeyboardInterrupt):
            await empty_database(client, 10, stop)
    # What is half empty is known by its mark: no journal goes on with it.
    assert await sink.mark("j") == Mark(0, 0)
    done = subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
        [
            *(sys.executable, "-m", "newstally_persister", "empty-store"),
            *("--data-dir", str(tmp_path / "data"), "--sink", "firestore"),
            *("--firestore-project", project, "--store-name", name),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FIRESTORE_EMULATOR_HOST": emulator},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert name in done.stderr
    assert (await sink.list_publications(LIMITS, None)).items == []
    with pytest.raises(PublicationUnknownError):
        await sink.list_entity_tallies("a", "", LIMITS, None)
    async with connection.use() as client:
        for collection in ("publications", "flushes", "journals"):
            assert await client.names(client.documents, collection, 10, 10.0) == []
    await sink.close()
