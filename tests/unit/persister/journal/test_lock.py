"""Waiting for a data directory that a predecessor is still draining."""

import threading
from pathlib import Path

import pytest
from newstally_persister.journal.errors import JournalLockedError
from newstally_persister.journal.lock import DirectoryLock, wait_until_free


def test_a_successor_waits_until_the_directory_is_free(tmp_path: Path) -> None:
    """It goes on as soon as the holder lets go, long before it would give up."""
    held = DirectoryLock(tmp_path)
    waiting = threading.Thread(target=wait_until_free, args=(tmp_path, 60.0))
    waiting.start()
    held.close()
    waiting.join(30.0)
    assert not waiting.is_alive()
    DirectoryLock(tmp_path).close()


def test_it_does_not_wait_for_ever(tmp_path: Path) -> None:
    """A directory that stays in use is refused as before."""
    held = DirectoryLock(tmp_path)
    try:
        wait_until_free(tmp_path, 0.05)
        with pytest.raises(JournalLockedError):
            DirectoryLock(tmp_path)
    finally:
        held.close()


def test_a_directory_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    """It is made when the journal is opened."""
    wait_until_free(tmp_path / "new", 60.0)
    assert not (tmp_path / "new").exists()


def test_nothing_is_made_in_a_directory_that_nobody_holds(tmp_path: Path) -> None:
    """It may be somebody else's: that is looked at when it is opened."""
    wait_until_free(tmp_path, 60.0)
    assert list(tmp_path.iterdir()) == []
