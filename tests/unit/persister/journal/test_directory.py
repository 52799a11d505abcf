"""Whose the data directory is, and who may look into it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from newstally_persister.journal import directory as module
from newstally_persister.journal.directory import make_directory
from newstally_persister.journal.errors import JournalError
from newstally_persister.journal.lock import DirectoryLock
from newstally_persister.journal.opening import open_journal
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.sqlite_schema import connect


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What is made is open to all unless somebody says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_nobody_elses(tmp_path: Path, open_umask: None) -> None:
    """The directory is 0700 and each file in it 0600, whatever the umask."""
    directory = tmp_path / "data"
    journal = open_journal(directory)
    connection = connect(directory / "tallies.db")
    found = {path.name: mode(path) for path in directory.iterdir()}
    connection.close()
    journal.close()
    assert mode(directory) == 0o700
    assert {"lock", "journal.db", "journal.db-wal", "tallies.db", "tallies.db-wal"} <= found.keys()
    assert set(found.values()) == {0o600}


def test_what_was_open_to_others_is_closed(tmp_path: Path) -> None:
    """A directory and files that an older release made are tightened at the start."""
    open_journal(tmp_path).close()
    connect(tmp_path / "tallies.db").close()
    tmp_path.chmod(0o755)
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    open_journal(tmp_path).close()
    connect(tmp_path / "tallies.db").close()
    assert mode(tmp_path) == 0o700
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}


def test_every_new_parent_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut after the first acknowledgement must not take the directory with it."""
    synced = []

    def note(directory: Path) -> None:
        assert directory.is_dir()
        synced.append(directory)

    monkeypatch.setattr(module, "sync_directory", note)
    make_directory(tmp_path / "a" / "b" / "c")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    make_directory(tmp_path / "a" / "b" / "c")
    assert len(synced) == 3


@pytest.mark.parametrize("name", ["lock", "journal.db", "journal.db-wal"])
def test_nothing_follows_a_link(tmp_path: Path, name: str) -> None:
    """What somebody planted is refused by name, and where it leads nothing changes."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    data = tmp_path / "data"
    data.mkdir()
    (data / name).symlink_to(victim)
    with pytest.raises(JournalError, match="data"):
        open_journal(data)
    assert victim.read_text() == "precious"
    (data / name).unlink()
    open_journal(data).close()


def test_a_lock_with_a_second_name_is_not_overwritten(tmp_path: Path) -> None:
    """A hard link leads elsewhere, too."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    data = tmp_path / "data"
    data.mkdir()
    (data / "lock").hardlink_to(victim)
    with pytest.raises(OSError, match="second name"):
        DirectoryLock(data)
    assert victim.read_text() == "precious"


def test_the_sink_follows_no_link_either(tmp_path: Path) -> None:
    """The remedy names the setting."""
    (tmp_path / "tallies.db").symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(PermanentSinkError, match="is a link") as caught:
        connect(tmp_path / "tallies.db")
    assert "--sqlite-path" in caught.value.remedy
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_directory_that_all_may_write_is_refused(tmp_path: Path) -> None:
    """What is in it may be anybody's."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    with pytest.raises(JournalError, match="writable by all"):
        open_journal(data)
    assert list(data.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives directories away")
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """Whoever owns it may replace what is in it."""
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    with pytest.raises(JournalError, match="belongs to user 12345"):
        open_journal(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes directories of root")
@pytest.mark.parametrize(
    ("permissions", "mount", "refused"),
    [
        (0o2775, True, False),  # a volume with fsGroup
        (0o2775, False, False),  # the same, on the node's own file system
        (0o777, True, False),  # a volume of a provisioner that leaves it open
        (0o777, False, True),
    ],
)
def test_a_volume_of_root_is_as_its_storage_made_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    permissions: int,
    mount: bool,
    refused: bool,
) -> None:
    """Its mode is not this user's to change, and not changed; a pod is alone with its mounts."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(permissions)
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    monkeypatch.setattr(module, "_is_mount", lambda _: mount)
    if refused:
        with pytest.raises(JournalError):
            module.secure_directory(data)
    else:
        module.secure_directory(data)
    assert mode(data) == permissions
