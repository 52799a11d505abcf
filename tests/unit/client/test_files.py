"""Files that are replaced as a whole."""

import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from newstally import files
from newstally.certificates.folder import write
from newstally.errors import InputError
from newstally.files import replacing, replacing_bytes
from newstally.keys import make_key, revoke_key
from newstally.up.secure import Secured


def text(path: Path) -> None:
    with replacing(path) as file:
        file.write("text")


@pytest.mark.parametrize(
    "change",
    [text, lambda path: write(path, b"key"), lambda path: make_key(path, "team-a")],
    ids=["text", "certificate", "keys"],
)
def test_what_was_replaced_outlives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """Of whatever kind: its bytes are on disk before it has its name, and then the name is."""
    path, synced = tmp_path / "file", list[tuple[bool, bool]]()
    sync = os.fsync

    def noting(descriptor: int) -> None:
        sync(descriptor)
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), path.exists()))

    monkeypatch.setattr(os, "fsync", noting)
    change(path)
    assert synced == [(False, False), (True, True)]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_mode_is_as_asked_for(tmp_path: Path, mode: int) -> None:
    """Nobody else may read it before; without one it is that of any new file."""
    before = os.umask(0o077)
    try:
        with replacing_bytes(tmp_path / "file", mode):
            pass
    finally:
        os.umask(before)
    with replacing_bytes(tmp_path / "any"):
        pass
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode
    (tmp_path / "new").touch()
    assert (tmp_path / "any").stat().st_mode == (tmp_path / "new").stat().st_mode


def test_what_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(path) as file:
        file.write("new, and no text: \udc80")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "old")]


def test_nobody_is_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped while it held the lock, say: who it is for a person to find."""
    monkeypatch.setattr(files, "ALONE_SECONDS", 0.05)
    secured = Secured(tmp_path)
    secured.prepare()
    before = secured.keys.read_bytes()
    for lock, change in (
        (secured.folder.path / ".keys.json.lock", lambda: make_key(secured.keys, "team-a")),
        (secured.folder.path / ".keys.json.lock", lambda: revoke_key(secured.keys, "x")),
        (secured.folder.path / ".lock", secured.prepare),
    ):
        with lock.open("a") as holder:
            fcntl.flock(holder, fcntl.LOCK_EX)
            with pytest.raises(InputError, match="another process has held it") as caught:
                change()
            assert str(lock) in str(caught.value)
    assert secured.keys.read_bytes() == before
    assert secured.prepare() == []
