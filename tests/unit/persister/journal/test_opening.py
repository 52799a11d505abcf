"""Opening the journal: who may, and what is said to those who may not."""

import os
import sqlite3
from pathlib import Path

import pytest
from newstally_persister.journal.errors import (
    CorruptJournalError,
    JournalDiskError,
    JournalError,
    JournalLockedError,
    JournalVersionError,
)
from newstally_persister.journal.opening import FILE_NAME, open_journal, open_reader
from newstally_persister.journal.reader_thread import JournalReads
from newstally_persister.journal.space import Space, SpaceLimits, shortage
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sqlite.threads import BusyError
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import batch, database, flush


def test_a_data_directory_is_made_and_kept(tmp_path: Path) -> None:
    """A missing directory is made, also below others; what was recorded is there again."""
    directory = tmp_path / "some" / "where"
    journal = open_journal(directory)
    journal.store.create_uploads([NewUpload("u", "anonymous")], 1)
    journal.store.record_batches([batch("u", 0, [("Post", [("x", "P")])])], 2)
    before = journal.store.get_upload("u")
    journal.close()
    again = open_journal(directory)
    assert again.store.get_upload("u") == before
    again.close()


def test_a_second_process_is_told_who_was_first(tmp_path: Path) -> None:
    """The lock names its holder and the remedy, and is free once that one is gone."""
    journal = open_journal(tmp_path)
    with pytest.raises(JournalLockedError, match=rf"process {os.getpid()}: .*--data-dir"):
        open_journal(tmp_path)
    journal.close()
    open_journal(tmp_path).close()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """A file that is no journal is an error with file and remedy, and stays as it is."""
    path = tmp_path / FILE_NAME
    path.write_bytes(b"\x00garbage" * 1_000)
    with pytest.raises(CorruptJournalError, match=r"journal\.db.*restore the data directory"):
        open_journal(tmp_path)
    assert path.read_bytes() == b"\x00garbage" * 1_000
    path.unlink()
    open_journal(tmp_path).close()


def test_a_locked_journal_is_not_said_to_be_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only damage is a reason to begin anew: whatever may pass says to leave the files alone."""
    open_journal(tmp_path).close()
    monkeypatch.setattr("newstally_persister.journal.opening._LOCKED_SECONDS", 0.01)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(JournalDiskError, match=r"Stop the other.*Leave the data directory"):
            open_journal(tmp_path)
    finally:
        other.close()
    open_journal(tmp_path).close()


def test_a_newer_journal_frees_the_directory(tmp_path: Path) -> None:
    """A journal of a newer release is refused, and the lock is not kept."""
    open_journal(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for _ in range(2):
        with pytest.raises(JournalVersionError):
            open_journal(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The error names the directory and the setting."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match=r"file/data.*--data-dir"):
        open_journal(tmp_path / "file" / "data")


def test_commits_are_durable_and_the_log_is_bounded(tmp_path: Path) -> None:
    """WAL, every commit synced, the log checkpointed: what the promise stands on."""
    journal = open_journal(tmp_path)
    found = {
        name: journal.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "journal_size_limit")
    }
    journal.close()
    assert found["journal_mode"] == "wal"
    assert found["synchronous"] == 2
    assert 0 < found["wal_autocheckpoint"] <= 4_000
    assert 0 < found["journal_size_limit"] <= 64 * 1024**2


def test_a_reader_sees_what_was_committed_and_changes_nothing(tmp_path: Path) -> None:
    """Reads beside the writer see its last commit, and cannot write."""
    journal = open_journal(tmp_path)
    reader = open_reader(journal.path)
    assert reader.get_upload("u") is None
    journal.store.create_uploads([NewUpload("u", "anonymous")], 1)
    assert reader.get_upload("u") == journal.store.get_upload("u")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM uploads")
    reader.close()
    journal.close()


def test_space_counts_what_is_used(tmp_path: Path) -> None:
    """The measure grows with what is recorded and knows the disk."""
    journal = open_journal(tmp_path)
    before = journal.gauge.measure()
    journal.store.create_uploads([NewUpload(f"upload {n}", "me") for n in range(5_000)], 1)
    after = journal.gauge.measure()
    journal.close()
    assert after.used >= before.used + 5_000 * 20
    assert after.disk_free > 0


def test_what_was_emptied_is_room(tmp_path: Path) -> None:
    """Rows that are gone leave free pages in the file, and those are measured."""
    journal = open_journal(tmp_path)
    journal.store.create_uploads([NewUpload("u", "anonymous")], 1)
    rows = [(f"{n} {'x' * 400}", "P") for n in range(2_000)]
    journal.store.record_batches([batch("u", 0, [("Post", rows)])], 2)
    full = journal.gauge.measure()
    flush(journal.store, SqliteTallies(database()))
    emptied = journal.gauge.measure()
    journal.close()
    assert full.reusable < 100_000
    assert emptied.reusable > 800_000
    assert emptied.used + emptied.reusable <= full.used + 200_000


LIMITS = SpaceLimits(most=1_000, headroom=300)


@pytest.mark.parametrize(
    ("space", "remedy"),
    [
        (Space(used=700, disk_free=300), None),
        (Space(used=701, disk_free=9_999), "raise --journal-max-bytes"),
        (Space(used=0, disk_free=299), "free some"),
        # What an outage left in the file is used again before the file grows...
        (Space(used=0, disk_free=80, reusable=500), None),
        # ...but the write-ahead log needs the disk itself.
        (Space(used=0, disk_free=70, reusable=500), "free some"),
    ],
)
def test_intake_stops_while_there_is_headroom(space: Space, remedy: str | None) -> None:
    """Within the bound and on the disk, the headroom is left to flushes."""
    found = shortage(space, LIMITS)
    assert found is None if remedy is None else remedy in (found or "")


async def test_a_read_of_a_locked_journal_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program has all of the file to itself: the caller waits, the process goes on."""
    journal = open_journal(tmp_path)
    journal.close()
    monkeypatch.setattr("newstally_persister.journal.opening._LOCKED_SECONDS", 0.01)
    other = sqlite3.connect(journal.path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    fatal: list[str] = []
    reads = JournalReads(journal.path, fatal.append)
    with pytest.raises(BusyError):
        await reads.run(lambda reader: reader.get_upload("u"))
    other.close()
    assert await reads.run(lambda reader: reader.get_upload("u")) is None
    await reads.close()
    assert fatal == []
