"""Publications that 0.2.0 told apart in Firestore: shown, and merged where somebody says so."""

import asyncio
import os
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from newstally_persister.journal.opening import open_journal
from newstally_persister.maintenance.firestore_merging import find_collisions, merge
from newstally_persister.sinks.base import EntityTally, PageLimits, PublicationUnknownError
from newstally_persister.sinks.firestore.days import of_document
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.sinks.firestore.writes import entity_write, publication_name
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from support.firestore_compact import compact
from support.firestore_patience import unhurried
from unit.persister.building import metrics

LIMITS = PageLimits(1_000, 10**6)
NFC, NFD, ZERO = "caf\u00e9", "cafe\u0301", "caf\u00e9\u200b"


async def test_collisions_are_shown_and_merged_on_command(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off and said again: each tally is there once, and what does not collide stays."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    monkeypatch.setattr("newstally_persister.maintenance.firestore_merging.DOCUMENTS_AT_A_TIME", 7)
    project = f"merge-{uuid.uuid4().hex[:8]}"
    connection = unhurried(project)
    sink = FirestoreSink(connection, 7, metrics(), part_writes=500)
    today = datetime.now(UTC).date().toordinal() - date(1970, 1, 1).toordinal()
    days = ((3, 5, 5), (today - 400, 4, 4), (today, 3, 3))
    publications = [PublicationRow(key, key, 20, 20, days) for key in (NFC, NFD, ZERO, "other")]
    rows = [
        EntityRow(row.key, f"e{n:02}", "P", 1, 1, f"E{n:02}", ((today, 1, 1),))
        for row in publications
        for n in range(20)
    ]
    part = Part("j", 1, 1, digest(publications, rows), publications, rows)
    await sink.apply(part)
    # The journal knows the older key alone: the other one came through another journal.
    journal = open_journal(tmp_path / "data")
    journal.connection.execute("INSERT INTO publications VALUES (?, ?)", (NFD, NFD))
    journal.close()

    async def command(*flags: str) -> str:
        done = await asyncio.to_thread(
            subprocess.run,
            [
                *(sys.executable, "-m", "newstally_persister", "merge-publications"),
                *("--data-dir", str(tmp_path / "data"), "--sink", "firestore"),
                *("--firestore-project", project, *flags),
            ],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "FIRESTORE_EMULATOR_HOST": emulator},
            timeout=240,
        )
        return str(done.stderr)

    assert "1 publications" in await command()
    assert len((await sink.list_publications(LIMITS, None)).items) == 4

    def stop(moved: int) -> None:
        if moved > 10:
            raise KeyboardInterrupt

    async with connection.use() as client:
        found = await find_collisions(client, client.documents)
        assert found == {NFC: sorted([NFD, ZERO])}
        with pytest.raises(KeyboardInterrupt):
            await merge(client, found, stop)
    assert "merged: 26 tallies" in await command("--merge")
    assert "0 publications" in await command("--merge")
    listed = (await sink.list_publications(LIMITS, None)).items
    assert {(each.key, each.mentions, each.articles) for each in listed} == {
        (NFC, 60, 60),
        ("other", 20, 20),
    }
    tallies = (await sink.list_entity_tallies(NFC, "", LIMITS, None)).items
    assert tallies == [EntityTally(f"e{n:02}", "P", 3, 3, f"E{n:02}") for n in range(20)]
    async with connection.use() as client:
        name = publication_name(client.documents, NFC)
        told = of_document(await client.read(name, 10))
        assert told.days == {today: (9, 9)}
        assert [*told.months.values()] == [(12, 12)]
        assert told.outside == (15, 15)
        entity = entity_write(client.documents, rows[0]).update.name
        assert of_document(await client.read(entity, 10)).days == {today: (3, 3)}
    with pytest.raises(PublicationUnknownError):
        await sink.list_entity_tallies(NFD, "", LIMITS, None)
    await sink.close()
    journal = open_journal(tmp_path / "data")
    assert journal.store.stored_key(NFC) == NFC
    journal.close()


async def test_a_compact_database_is_shown_and_not_merged(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how it can be, and changes nothing."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    project = f"merge-{uuid.uuid4().hex[:8]}"
    connection = unhurried(project)
    sink = FirestoreSink(connection, 7, metrics(), part_writes=500, layout=compact())
    publications = [PublicationRow(key, key, 1, 1) for key in (NFC, NFD)]
    await sink.apply(Part("j", 1, 1, digest(publications, []), publications, []))
    (tmp_path / "data").mkdir()
    settings = ["--data-dir", str(tmp_path / "data"), "--sink", "firestore"]
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "newstally_persister", "merge-publications", *settings),
            *("--firestore-project", project, "--merge"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "FIRESTORE_EMULATOR_HOST": emulator},
        timeout=240,
    )
    assert done.returncode == 1
    assert "1 publications" in done.stderr
    assert "migrate-store" in done.stderr
    assert len((await sink.list_publications(LIMITS, None)).items) == 2
    await sink.close()
