"""A data directory that is in use."""

import os
from pathlib import Path

from newstally.up.holding import LOCK, holder
from newstally_persister.journal import lock


def test_who_holds_a_directory_is_known_at_once(tmp_path: Path) -> None:
    """By the persister's own lock; a directory that is free or not there has no holder."""
    assert lock.FILE_NAME == LOCK
    assert holder(tmp_path / "none") is None
    held = lock.DirectoryLock(tmp_path)
    assert holder(tmp_path) == str(os.getpid())
    held.close()
    assert holder(tmp_path) is None
    lock.DirectoryLock(tmp_path).close()  # asking left no lock behind
