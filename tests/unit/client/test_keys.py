"""Making, rotating and revoking keys: the file is always whole, and no secret is in it."""

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from newstally.errors import InputError
from newstally.keys import list_keys, make_key, revoke_key, rotate_key
from newstally_protos.keys import Limits, digest_of


def test_a_key_is_made_shown_once_and_kept_as_a_digest(tmp_path: Path) -> None:
    """The file is private, and holds what was asked for."""
    path = tmp_path / "keys.json"
    made = make_key(
        path,
        "team-a",
        ["write"],
        publications=["daily *"],
        expires_after=timedelta(days=90),
        weight=3,
        limits=Limits(streams=2),
    )
    identity, _, secret = made.partition(".")
    (key,) = list_keys(path)
    assert (key.id, key.sha256, key.owner) == (identity, digest_of(secret), "team-a")
    assert (key.scopes, key.publications, key.weight) == (frozenset({"write"}), ("daily *",), 3)
    assert key.limits == Limits(streams=2)
    assert key.expires is not None
    assert timedelta(days=89) < key.expires - datetime.now(UTC) < timedelta(days=91)
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rotating_keeps_both_for_a_while(tmp_path: Path) -> None:
    """The new one may what the old one may, as long as that could; the old one ends soon."""
    path = tmp_path / "keys.json"
    old = make_key(path, "team-a", ["read"], publications=["x"], expires_after=timedelta(days=90))
    new, ending = rotate_key(path, old.partition(".")[0], timedelta(days=7))
    first, second = list_keys(path)
    assert first == ending
    assert (second.id, second.sha256) == (new.split(".")[0], digest_of(new.split(".")[1]))
    assert (second.owner, second.scopes, second.publications) == (
        "team-a",
        frozenset({"read"}),
        ("x",),
    )
    now = datetime.now(UTC)
    assert first.expires is not None
    assert second.expires is not None
    assert first.expires - now < timedelta(days=7, seconds=1)
    assert second.expires - now > timedelta(days=89)
    # What ends sooner than that anyway is not kept longer.
    short = make_key(path, "team-b", expires_after=timedelta(hours=1))
    _, ending = rotate_key(path, short.partition(".")[0], timedelta(days=7))
    assert ending.expires is not None
    assert ending.expires - now < timedelta(hours=2)


def test_a_revoked_key_is_gone_and_others_stay(tmp_path: Path) -> None:
    """An id that is not there changes nothing, and says so."""
    path = tmp_path / "keys.json"
    first, second = (make_key(path, name) for name in ("a", "b"))
    path.chmod(0o640)
    assert revoke_key(path, first.partition(".")[0]).owner == "a"
    assert [key.id for key in list_keys(path)] == [second.partition(".")[0]]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640, "the gateway's group may read it"
    with pytest.raises(InputError, match="no key has the id"):
        revoke_key(path, first.partition(".")[0])


def test_many_at_once_lose_nobodys_key(tmp_path: Path) -> None:
    """Each change sees the one before; a reader always sees a whole file."""
    path = tmp_path / "keys.json"
    make_key(path, "first")
    made: list[str] = []
    done = threading.Event()

    def make(number: int) -> None:
        made.extend(make_key(path, f"team-{number}") for _ in range(5))

    def read() -> None:
        while not done.is_set():
            assert list_keys(path)

    threads = [threading.Thread(target=make, args=(n,)) for n in range(4)]
    reader = threading.Thread(target=read)
    for thread in (reader, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reader.join()
    assert {key.id for key in list_keys(path)} > {key.partition(".")[0] for key in made}
    assert len(made) == 20
    assert [file.name for file in tmp_path.iterdir() if file.name.endswith(".json")] == [path.name]


def test_a_file_that_is_none_is_left_alone(tmp_path: Path) -> None:
    """What somebody wrote by hand is not thrown away."""
    path = tmp_path / "keys.json"
    path.write_text('{"keys": [')
    with pytest.raises(InputError, match=r"keys\.json: is no JSON"):
        make_key(path, "team-a")
    assert path.read_text() == '{"keys": ['
    for owner, scopes in (("a/b", ["read"]), ("", ["read"]), ("a", []), ("a", ["root"])):
        with pytest.raises(InputError):
            make_key(tmp_path / "other.json", owner, scopes)
    assert not (tmp_path / "other.json").exists()
