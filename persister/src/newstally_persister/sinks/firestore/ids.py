"""Document ids and order keys: functions of the texts, safe for any text.

Firestore wants ids of at most 1,500 bytes, without "/", and neither ".", ".." nor "__…__"; the
client library checks none of that but the slash. Here an id is the text itself as far as it can
be, so that people find their way in the console:

    angela merkel, PERSON    ->  angela merkel|PERSON
    a/b, 100%, ORG           ->  a%2Fb, 100%25|ORG
    a very long text         ->  its beginning%~<SHA-256 of all of it>|LABEL

No two texts share an id: what is escaped can be read back, "|" and "%~" never come from a text.
"""

import hashlib
import re

ID_LIMIT_BYTES = 1_000
"""No id is longer: below Firestore's 1,500, so that a query's path, percent-encoded into a header
of at most 8 KiB, fits as well."""
ORDER_LIMIT_BYTES = 1_400
"""Longest order key: Firestore cuts what it indexes at 1,500 bytes, and what was cut has no
defined order."""

_HASH_BYTES = 64
_CUT = "%~"
_LABEL_BYTES = 3 * 64
"""A label of 64 bytes, all of them escaped."""
_UNSAFE = re.compile(r"[/%|\x00-\x1f\x7f]|^_(?=_)|^\.(?=\.?$)")


def publication_id(key: str) -> str:
    """Return the id of a publication's document, from its key (not empty)."""
    return _shortened(key, ID_LIMIT_BYTES)


def entity_id(text: str, label: str) -> str:
    """Return the id of an entity's document (text and label not empty, the label <= 64 bytes)."""
    return f"{_shortened(text, ID_LIMIT_BYTES - 1 - _LABEL_BYTES)}|{_UNSAFE.sub(_escape, label)}"


def order_key(text: str) -> str:
    """Return what stands for the text in an index: itself, or its beginning and a hash of it all.

    Below the limit it sorts as the text does, byte by byte in UTF-8; beyond it, texts with the same
    beginning sort by their hashes. Distinct texts have distinct keys.
    """
    encoded = text.encode()
    if len(encoded) <= ORDER_LIMIT_BYTES - _HASH_BYTES - 1:
        return text
    return f"{_beginning(encoded, ORDER_LIMIT_BYTES - _HASH_BYTES - 1)}~{_hash(encoded)}"


def _shortened(text: str, limit_bytes: int) -> str:
    escaped = _UNSAFE.sub(_escape, text)
    if len(escaped.encode()) <= limit_bytes:
        return escaped
    kept = _beginning(escaped.encode(), limit_bytes - len(_CUT) - _HASH_BYTES)
    # Half an escape is no harm: what tells texts apart now is the hash.
    return f"{kept}{_CUT}{_hash(text.encode())}"


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _beginning(encoded: bytes, limit_bytes: int) -> str:
    return encoded[:limit_bytes].decode(errors="ignore")


def _hash(encoded: bytes) -> str:
    return hashlib.sha256(encoded).hexdigest()
