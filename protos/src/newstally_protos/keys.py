"""The keys file: who may call a gateway, what for, and how much. It holds no secret.

A key is shown once, as `ID.SECRET`; the file holds its id and the SHA-256 of its secret. The secret
is 256 random bits, so a plain hash is as good as a slow one.

The file is JSON: `{"keys": [{"id": ..., "owner": ..., "sha256": ..., "scopes": [...], ...}]}`. What
is empty holds no key. A field that is not known is an error: a misspelt limit is not "no limit".
"""

import fnmatch
import functools
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from newstally_protos.names import publication_key

KEY_METADATA = "authorization"
"""Metadata of every call: `Bearer ID.SECRET`."""
SCOPES = ("read", "write", "admin")
"""`write`: make uploads and add to them. `read`: read tallies, and figures of status. `admin`:
change whose uploads are, and read all of status. Each of them allows looking at the owner's own
uploads."""
FILE_LIMIT_BYTES = 16 * 1024 * 1024
"""A larger file is refused."""
PUBLICATIONS_LIMIT_BYTES = 4096
"""Of all globs of one key together: they travel as metadata."""
WEIGHT_LIMIT = 1_000
"""The largest weight."""

_ID_BYTES = 8
_SECRET_BYTES = 32
_ID = re.compile(r"[0-9a-f]{16}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HALF_SIGN = re.compile("[\ud800-\udfff]")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeysError(ValueError):
    """What is wrong with a keys file: it names the key and the field, and holds nothing secret."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may take; None: not bounded."""

    articles_per_second: float | None = None
    """Articles that are read."""
    bytes_per_second: float | None = None
    """Their messages."""
    extractor_seconds_per_second: float | None = None
    """Processor time of extractors."""
    streams: int | None = None
    """Streams open at once."""
    open_uploads: int | None = None
    """Uploads of its owner that were made, or moved, within the last hour."""
    uploads_per_day: int | None = None
    """Uploads that its owner makes in a day (UTC)."""
    publications_per_day: int | None = None
    """Publications that are new to the store and that its owner brings in a day (UTC)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its secret."""

    id: str
    """Public: 16 hexadecimal digits."""
    owner: str
    """Whose uploads it sees and makes: 1 to 64 letters, digits and `._-`."""
    sha256: str
    """Of the secret, in hexadecimal."""
    scopes: frozenset[str] = frozenset()
    """Of SCOPES; at least one."""
    publications: tuple[str, ...] | None = None
    """Globs of the publications that it may write and read; None: all."""
    created: datetime | None = None
    expires: datetime | None = None
    """From then on it is refused; None: never."""
    weight: int = 1
    """Its owner's part when there is not enough for all, in relation to other owners'."""
    limits: Limits = field(default_factory=Limits)
    family: str = ""
    """The id of the key that this one took the place of, or that one of; empty: of none."""

    @property
    def account(self) -> str:
        """What its limits are counted by: keys that took each other's place have one account."""
        return self.family or self.id


def new_key_id() -> str:
    """Return a random id."""
    return secrets.token_hex(_ID_BYTES)


def new_secret() -> str:
    """Return a random secret: 43 characters that need no escaping anywhere."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same_digest(known: str, shown: str) -> bool:
    """Compare two digests in a time that says nothing of where they differ."""
    return hmac.compare_digest(known, shown)


def check_owner(owner: str) -> str:
    """Return the name of an owner. Raises KeysError."""
    if not _OWNER.fullmatch(owner):
        raise KeysError("owner: must be 1 to 64 letters, digits and ._- and begin with no ._-")
    return owner


def allows(publications: tuple[str, ...] | None, publication: str) -> bool:
    """Return whether one of the globs names a publication, in whatever spelling; None: any."""
    return (
        publications is None
        or _pattern(publications).match(publication_key(publication)) is not None
    )


@functools.lru_cache(maxsize=1024)
def _pattern(publications: tuple[str, ...]) -> re.Pattern[str]:
    keys = [fnmatch.translate(publication_key(each)) for each in publications]
    return re.compile("|".join(keys) or "(?!)")


def read_keys(text: bytes) -> tuple[Key, ...]:
    """Return the keys of a file. Raises KeysError."""
    if len(text) > FILE_LIMIT_BYTES:
        raise KeysError(f"more than {FILE_LIMIT_BYTES} bytes")
    if not text.strip():
        return ()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        # What it says names a place, and quotes nothing.
        raise KeysError(f"is no JSON: {error}") from None
    entries = _object(document, "the file", {"keys"}).get("keys")
    if not isinstance(entries, list):
        raise KeysError("keys: must be a list")
    keys = tuple(_read_key(entry, f"key {number}") for number, entry in enumerate(entries, 1))
    if len({key.id for key in keys}) != len(keys):
        raise KeysError("two keys have the same id")
    return keys


def write_keys(keys: Iterable[Key]) -> bytes:
    """Return a file with these keys."""
    document = {"keys": [_entry(key) for key in keys]}
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def _entry(key: Key) -> dict[str, Any]:
    limits = {name: value for name, value in asdict(key.limits).items() if value is not None}
    entry: dict[str, Any] = {
        "id": key.id,
        "owner": key.owner,
        "sha256": key.sha256,
        "scopes": sorted(key.scopes),
        "publications": None if key.publications is None else list(key.publications),
        "created": key.created and key.created.isoformat(),
        "expires": key.expires and key.expires.isoformat(),
        "weight": key.weight if key.weight != 1 else None,
        "limits": limits or None,
        "family": key.family or None,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _read_key(entry: object, place: str) -> Key:
    known = _object(entry, place, {each.name for each in fields(Key)})
    identity = _text(known, "id", place, _ID)
    place = f"{place} ({identity})"
    scopes = _texts(known, "scopes", place)
    if not scopes or not {*scopes} <= {*SCOPES}:
        raise KeysError(f"{place}: scopes: must be some of {', '.join(SCOPES)}")
    publications = _texts(known, "publications", place) if "publications" in known else None
    if publications is not None and not publications:
        raise KeysError(f"{place}: publications: must name at least one; without it, all are")
    if publications is not None and len("".join(publications).encode()) > PUBLICATIONS_LIMIT_BYTES:
        raise KeysError(f"{place}: publications: more than {PUBLICATIONS_LIMIT_BYTES} bytes")
    weight = known.get("weight", 1)
    if type(weight) is not int or not 1 <= weight <= WEIGHT_LIMIT:
        raise KeysError(f"{place}: weight: must be a whole number from 1 to {WEIGHT_LIMIT}")
    return Key(
        id=identity,
        owner=_text(known, "owner", place, _OWNER),
        sha256=_text(known, "sha256", place, _DIGEST),
        scopes=frozenset(scopes),
        publications=publications,
        created=_time(known, "created", place),
        expires=_time(known, "expires", place),
        weight=weight,
        limits=_read_limits(known.get("limits", {}), place),
        family=_text(known, "family", place, _ID) if "family" in known else "",
    )


def _read_limits(value: object, place: str) -> Limits:
    kinds = {each.name: each.type for each in fields(Limits)}
    known = _object(value, f"{place}: limits", kinds.keys())
    for name, limit in known.items():
        whole = kinds[name] == int | None
        if type(limit) not in ((int,) if whole else (int, float)) or not 0 < limit < 2**53:
            raise KeysError(f"{place}: limits: {name}: must be a number above 0")
    return Limits(**known)


def _object(value: object, place: str, names: Iterable[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise KeysError(f"{place}: must be an object")
    unknown = sorted(value.keys() - {*names})
    if unknown:
        raise KeysError(f"{place}: {unknown[0][:64]!r}: no such field")
    return value


def _text(entry: Mapping[str, Any], name: str, place: str, form: re.Pattern[str]) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise KeysError(f"{place}: {name}: is missing or malformed")
    return value


def _texts(entry: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    value: Sequence[object] = entry.get(name, ())
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise KeysError(f"{place}: {name}: must be a list of texts")
    texts = tuple(map(str, value))
    if _HALF_SIGN.search("".join(texts)):
        raise KeysError(f"{place}: {name}: has half of a sign (\\ud800 to \\udfff)")
    return texts


def _time(entry: Mapping[str, Any], name: str, place: str) -> datetime | None:
    if name not in entry:
        return None
    try:
        found = datetime.fromisoformat(entry[name])
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise KeysError(f"{place}: {name}: must be a time with its zone, as 2026-01-31T12:00:00Z")
    return found
