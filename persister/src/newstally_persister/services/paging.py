"""Pages: their sizes, and tokens that say where the next one begins."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_runtime.status import invalid

DEFAULT_ITEMS = 100
PAGE_BYTES = 3 * 1024 * 1024 - 512 * 1024
"""Of texts in a page: with what 1,000 items add to it, a response stays below 3 MiB."""
_TOKEN_BYTES = 64 * 1024
_LARGEST = 2**63 - 1


def page_items(page_size: int) -> int:
    """Return how many items a page shall have. Raises StatusError below zero."""
    if page_size < 0:
        raise invalid("page_size", "must be 0 or more")
    return min(page_size or DEFAULT_ITEMS, PAGE_LIMIT_ITEMS)


def next_token(query: Sequence[str], position: Sequence[int | str]) -> str:
    """Return an opaque token for what comes after the position in this query's list."""
    encoded = json.dumps([_fingerprint(query), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(encoded.encode()).decode()


def read_token(
    token: str, query: Sequence[str], shape: Sequence[type[int] | type[str]]
) -> tuple[Any, ...] | None:
    """Return the position in a token, of the types in `shape`; None when it is empty.

    Raises StatusError when the token was not given out for this query.
    """
    if not token:
        return None
    decoded = _decoded(token)
    if (
        not isinstance(decoded, list)
        or decoded[:1] != [_fingerprint(query)]
        or [type(value) for value in decoded[1:]] != [*shape]
        or not all(map(_storable, decoded[1:]))
    ):
        raise invalid("page_token", "was not given out for this list")
    return tuple(decoded[1:])


def _decoded(token: str) -> Any:
    if len(token) > _TOKEN_BYTES:
        return None
    try:
        return json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        return None


def _storable(value: int | str) -> bool:
    """Return whether a database takes it: JSON allows larger numbers, and halves of characters."""
    if isinstance(value, int):
        return 0 <= value <= _LARGEST
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _fingerprint(query: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(query)).encode()).hexdigest()[:16]
