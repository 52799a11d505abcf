"""Whose uploads are which, and which stream may add to one. In the caller's transaction.

An upload is stored under its id. Where that is taken, and both owners have keys, the later one is
stored under `OWNER/ID`: owners need not know of each other. `anonymous` shares its ids with all
owners: whoever carries on under a key what was begun without one would otherwise begin anew, and
count everything once more.

A row never changes what it is stored as, and none goes away: so the release before, which knows
only ids, finds what an owner's id means, or refuses it.

A stream gets a token when it is opened: higher than any before, of whichever process. The journal
keeps the highest that a batch of the upload came with. So two streams that send the same upload do
not mix: as soon as the later one has something to record, the earlier one records nothing more.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from newstally_protos.wire import ANONYMOUS_OWNER

from newstally_persister.values.uploads import Upload, stored_id

UPLOAD_COLUMNS = (
    "upload_id, owner, next_offset, applied_offset, counted, refused, mentions, models, "
    "create_micros, update_micros"
)
EPOCH_BITS = 31
"""Tokens of one process: its epoch, followed by so many bits of a number."""
_LAST_EPOCH = 2**32 - 1
"""A token has 63 bits."""
_LATEST_CLOCK_SECONDS = 4_102_444_800
"""The year 2100: what is left above it is more than there will be processes."""

_MODELS = UPLOAD_COLUMNS.split(", ").index("models")


def find(connection: sqlite3.Connection, upload_id: str, owner: str) -> Upload | None:
    """Return an owner's upload by its id, or None."""
    for stored in (upload_id, stored_id(owner, upload_id)):
        upload = find_stored(connection, stored)
        if upload is not None and upload.owner == owner:
            return upload
    return None


def find_stored(connection: sqlite3.Connection, stored: str) -> Upload | None:
    """Return the upload that is stored so, whoever owns it, or None."""
    row = connection.execute(
        f"SELECT {UPLOAD_COLUMNS} FROM uploads WHERE upload_id = ?", (stored,)
    ).fetchone()
    return None if row is None else read_upload(row)


def find_or_name(connection: sqlite3.Connection, upload_id: str, owner: str) -> Upload | str:
    """Return an owner's upload; another one that keeps the id from it; or what to store it as."""
    own = find(connection, upload_id, owner)
    other = find_stored(connection, upload_id) if own is None else None
    if own is not None or other is None:
        return own or upload_id
    return other if ANONYMOUS_OWNER in (owner, other.owner) else stored_id(owner, upload_id)


def assign(connection: sqlite3.Connection, upload_id: str, owner: str) -> Upload | None:
    """Give an upload that was made without a key to an owner.

    Returns it; or, changing nothing, the one of that id that the owner has; None: there is none.
    """
    own = find(connection, upload_id, owner)
    if own is not None:
        return own
    upload = find_stored(connection, upload_id)
    if upload is None or upload.owner != ANONYMOUS_OWNER:
        return None
    connection.execute("UPDATE uploads SET owner = ? WHERE upload_id = ?", (owner, upload_id))
    return replace(upload, owner=owner)


def read_upload(row: Sequence[Any]) -> Upload:
    """Return the upload in a row of UPLOAD_COLUMNS."""
    upload = Upload(*row)
    return replace(upload, models=tuple(json.loads(row[_MODELS])))


def begin_epoch(connection: sqlite3.Connection, now_seconds: int) -> int:
    """Return the first token of a new process.

    The clock matters only where the journal was restored from a backup, and knows no better. One
    that is decades ahead does not: tokens would soon be too large.
    """
    (known,) = connection.execute("SELECT max(epoch) FROM epochs").fetchone()
    if known is None or known > _LAST_EPOCH:  # of which no token was given out
        (highest,) = connection.execute("SELECT max(token) FROM tokens").fetchone()
        known = (highest or 0) >> EPOCH_BITS
    epoch = max(known + 1, now_seconds if now_seconds <= _LATEST_CLOCK_SECONDS else 0)
    connection.execute("DELETE FROM epochs")
    connection.execute("INSERT INTO epochs VALUES (?)", (epoch,))
    return int(epoch) << EPOCH_BITS


def highest_token(connection: sqlite3.Connection, stored_id: str) -> int:
    """Return the highest token that a batch of the upload came with; 0 if none did."""
    row = connection.execute(
        "SELECT token FROM tokens WHERE upload_id = ?", (stored_id,)
    ).fetchone()
    return 0 if row is None else int(row[0])


def note_token(connection: sqlite3.Connection, stored_id: str, token: int) -> None:
    """Keep a token that is higher."""
    connection.execute(
        "INSERT INTO tokens VALUES (?, ?) ON CONFLICT DO UPDATE SET token = excluded.token",
        (stored_id, token),
    )
