"""Keeps a gateway's keys file: makes keys, takes them back, has others take their place.

Whoever reads the file while it is changed reads the old one or the new one, never half of one.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newstally_protos.keys import (
    FILE_LIMIT_BYTES,
    SCOPES,
    Key,
    KeysError,
    Limits,
    check_owner,
    digest_of,
    new_key_id,
    new_secret,
    read_keys,
    write_keys,
)

from newstally.errors import InputError
from newstally.files import PRIVATE_MODE, alone, replacing_bytes

HandOut = Callable[[str], object]
"""Gives a key, `ID.SECRET`, to who is to have it."""


def make_key(
    path: Path,
    owner: str,
    scopes: Collection[str] = ("read", "write"),
    *,
    publications: Sequence[str] | None = None,
    expires_after: timedelta | None = None,
    weight: int = 1,
    limits: Limits | None = None,
    hand_out: HandOut | None = None,
) -> str:
    """Add a key to a keys file, which is made when it is missing; return it as `ID.SECRET`.

    It is to be found nowhere after that. `hand_out` is called with it before it is in the file:
    what it raises leaves the file as it was. Raises InputError.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    secret = new_secret()
    key = Key(
        id=new_key_id(),
        owner=owner,
        sha256=digest_of(secret),
        scopes=frozenset(scopes),
        publications=None if publications is None else tuple(publications),
        created=now,
        expires=None if expires_after is None else now + expires_after,
        weight=weight,
        limits=limits or Limits(),
    )
    with _naming(path):
        check_owner(owner)
    if not key.scopes or not key.scopes <= {*SCOPES}:
        raise InputError(f"a key's scopes are some of {', '.join(SCOPES)}")
    made = f"{key.id}.{secret}"
    with _changing(path, made, hand_out) as keys:
        keys.append(key)
    return made


def list_keys(path: Path) -> tuple[Key, ...]:
    """Return the keys of a file. Raises InputError."""
    with _naming(path):
        return _read(path)


def revoke_key(path: Path, key_id: str) -> Key:
    """Take a key out of the file; return it. Raises InputError where there is none of that id."""
    with _changing(path) as keys:
        key = _find(path, keys, key_id)
        keys.remove(key)
    return key


def rotate_key(
    path: Path, key_id: str, keep: timedelta, hand_out: HandOut | None = None
) -> tuple[str, Key]:
    """Make another key that may what this one may; this one is good for as long as `keep` says.

    Return the new one as `ID.SECRET`, and the old one as it is now. `hand_out` as for `make_key`.
    Raises InputError.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    identity, secret = new_key_id(), new_secret()
    made = f"{identity}.{secret}"
    with _changing(path, made, hand_out) as keys:
        old = _find(path, keys, key_id)
        life = None if old.expires is None or old.created is None else old.expires - old.created
        new = replace(
            old,
            id=identity,
            family=old.account,
            sha256=digest_of(secret),
            created=now,
            expires=old.expires if life is None else now + life,
        )
        end = now + keep
        ending = replace(old, expires=end if old.expires is None else min(end, old.expires))
        keys[keys.index(old)] = ending
        keys.append(new)
    return made, ending


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; half of one does not stay.

    Raises InputError, also if it is there already.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def _find(path: Path, keys: Sequence[Key], key_id: str) -> Key:
    found = next((key for key in keys if key.id == key_id), None)
    if found is None:
        raise InputError(f"{path}: no key has the id {key_id[:64]}")
    return found


@contextlib.contextmanager
def _changing(path: Path, made: str = "", hand_out: HandOut | None = None) -> Iterator[list[Key]]:
    """Let the keys of a file be changed; nobody else changes them meanwhile.

    A key that was `made` is handed out when they are found to be right, before they are written.
    Raises InputError.
    """
    with _naming(path):
        path = path.resolve()
        with alone(path.with_name(f".{path.name}.lock")):
            keys = list(_read(path)) if path.exists() else []
            yield keys
            # What was written is read back: nothing is kept that a gateway would refuse.
            text = write_keys(keys)
            read_keys(text)
            if hand_out is not None:
                hand_out(made)
            mode = path.stat().st_mode & 0o777 if path.exists() else PRIVATE_MODE
            with replacing_bytes(path, mode) as new:
                new.write(text)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Raise InputError, with the file's name, for what is wrong with it."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    except KeysError as error:
        raise InputError(f"{path}: {error}") from error


def _read(path: Path) -> tuple[Key, ...]:
    with path.open("rb") as file:
        return read_keys(file.read(FILE_LIMIT_BYTES + 1))
