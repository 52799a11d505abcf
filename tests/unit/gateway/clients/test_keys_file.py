"""The keys file is followed, and a bad one changes nothing."""

import os
from pathlib import Path

import pytest
from newstally_gateway.clients.keys_file import KeysFile
from newstally_protos.keys import Key, KeysError, digest_of, write_keys
from structlog.testing import capture_logs


def key(number: int) -> Key:
    return Key(f"{number:016x}", f"team-{number}", digest_of(str(number)), frozenset({"read"}))


def put(path: Path, *keys: Key) -> None:
    """Replace the file, as `newstally key` does."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(write_keys(keys))
    os.replace(fresh, path)


def settled(file: KeysFile) -> bool:
    """Look until nothing is left to be seen; return whether there are other keys."""
    return [file.look() for _ in range(3)].count(True) == 1


def test_a_change_is_followed(tmp_path: Path) -> None:
    """A key more, a key less, none."""
    path = tmp_path / "keys.json"
    put(path, key(1))
    file = KeysFile(path)
    assert (len(file.keyring), settled(file)) == (1, False)
    put(path, key(1), key(2))
    assert (settled(file), len(file.keyring)) == (True, 2)
    put(path)
    assert (settled(file), len(file.keyring)) == (True, 0)
    path.write_bytes(b"")
    settled(file)
    assert len(file.keyring) == 0


def test_a_file_that_becomes_blank_is_believed_after_a_while(tmp_path: Path) -> None:
    """An editor may have truncated it, and be about to write: that would end every stream."""
    path = tmp_path / "keys.json"
    put(path, key(1))
    now = 0.0
    file = KeysFile(path, lambda: now)
    path.write_bytes(b"\n")
    assert not settled(file)
    now = 9.9
    assert not settled(file)
    assert len(file.keyring) == 1
    now = 10.1
    assert settled(file)
    assert len(file.keyring) == 0


def test_a_link_is_followed(tmp_path: Path) -> None:
    """As Kubernetes changes a Secret."""
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        put(tmp_path / f"v{number}" / "keys.json", *map(key, range(number)))
    data = tmp_path / "data"
    data.symlink_to("v1")
    (tmp_path / "keys.json").symlink_to("data/keys.json")
    file = KeysFile(tmp_path / "keys.json")
    (tmp_path / "next").symlink_to("v2")
    os.replace(tmp_path / "next", data)
    assert (settled(file), len(file.keyring)) == (True, 2)


def test_a_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """One that is written in place is empty for a moment: that revokes nobody."""
    path = tmp_path / "keys.json"
    put(path, key(1))
    file = KeysFile(path)
    path.write_bytes(b"")
    assert not file.look()
    assert len(file.keyring) == 1
    path.write_bytes(write_keys([key(1), key(2)]))
    assert not file.look()
    assert file.look()
    assert len(file.keyring) == 2


@pytest.mark.parametrize("how", ["broken", "gone", "a directory"])
def test_the_last_good_keys_stay_and_it_is_told_once(tmp_path: Path, how: str) -> None:
    """Until the file is good again, also where it is what it was."""
    path = tmp_path / "keys.json"
    put(path, key(1))
    good = path.read_bytes()
    file = KeysFile(path)
    path.unlink()
    if how == "broken":
        path.write_text('{"keys": [{"id": "secret?"}]}')
    elif how == "a directory":
        path.mkdir()
    with capture_logs() as logs:
        assert not settled(file)
        assert not settled(file)
    assert len(file.keyring) == 1
    assert [entry["event"] for entry in logs] == ["keys file not usable, the last good keys stay"]
    assert file.trouble is not None
    assert file.trouble in str(logs[0])
    if how == "a directory":
        path.rmdir()
    path.write_bytes(good)
    assert settled(file)
    assert file.trouble is None


def test_what_is_wrong_from_the_start_is_raised(tmp_path: Path) -> None:
    """There are no last good keys then."""
    with pytest.raises(FileNotFoundError):
        KeysFile(tmp_path / "keys.json")
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(KeysError):
        KeysFile(tmp_path / "keys.json")
