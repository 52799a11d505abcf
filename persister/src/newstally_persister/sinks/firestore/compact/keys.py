"""How rows sort, and what leaves are called. Pure.

A leaf is named by the last key that it may hold: `all~{end}`, `days~{end}`; the last one of a table
ends at "~", behind every key. So the leaf of a key is the first one whose name is not before it,
which an ascending query finds: a descending one would need an index of its own.

Keys are short whatever the texts are: the beginning of a text, in hexadecimal so that it sorts as
its bytes do, and a part of a hash.
"""

import hashlib
from datetime import date

ALL = "all~"
"""Begins the keys of totals."""
DAYS = "days~"
"""Begins the keys of what is known by day."""
LAST = "~"
"""Behind every key of a table."""
OUTSIDE = "outside"
"""Stands for the day of what has one that is not known: a database that was led here from the other
layout may have such rows. Behind all days."""
KEY_BYTES = 80
"""No key without its table is longer, but for the day: 12 bytes more."""

_BEGINNING_BYTES = 20
_HASH_CHARS = 32
_EPOCH = date(1970, 1, 1).toordinal()


def total_key(text: str, label: str) -> str:
    """Return the key of an entity's totals."""
    return f"{ALL}{_place(text, label)}"


def day_key(day: str, text: str, label: str) -> str:
    """Return the key of an entity on a day, or in a month; "" and "" are the publication itself."""
    return f"{DAYS}{day}~{_place(text, label)}"


def beginning_range(beginning: str) -> tuple[str, str]:
    """Return the first and the last key that a text with this beginning may have."""
    start = beginning.encode()[:_BEGINNING_BYTES].hex()
    return f"{ALL}{start}", f"{ALL}{start}{LAST}"


def days_range(first: str, last: str) -> tuple[str, str]:
    """Return the first and the last key that a row of these days, or of their months, may have.

    The days are written as ISO 8601, both included. A month sorts behind its days.
    """
    return f"{DAYS}{first}~", f"{DAYS}{last[:7]}~{LAST}"


def outside_range() -> tuple[str, str]:
    """Return the first and the last key of rows whose day is not known."""
    return f"{DAYS}{OUTSIDE}~", f"{DAYS}{LAST}"


def table_end(key: str) -> str:
    """Return the last key of the table that a key is of."""
    table, _, _ = key.partition("~")
    return f"{table}~{LAST}"


def day_name(day: int) -> str:
    """Return a day since 1970 as ISO 8601."""
    return date.fromordinal(day + _EPOCH).isoformat()


def _place(text: str, label: str) -> str:
    encoded = text.encode()
    hashed = hashlib.sha256(b"%d %b%b" % (len(encoded), encoded, label.encode())).hexdigest()
    return f"{encoded[:_BEGINNING_BYTES].hex()}.{hashed[:_HASH_CHARS]}"
