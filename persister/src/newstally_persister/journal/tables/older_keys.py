"""Keys of publications that an older rule made: they go on, so that no tally is torn in two.

What today's rule makes of each is kept beside it. A publication whose key today's rule would write
otherwise is recorded under the key that there is; where there is one of today's form, too, that one
counts, and the older one stays as it is until somebody merges them.
"""

import sqlite3
from dataclasses import replace

from newstally_persister.values.batches import Batch, Tallies
from newstally_persister.values.keys import publication_key

_NOT_PLAIN = (
    "key GLOB '*[^ -~]*' OR length(key) > 512 OR instr(CAST(key AS BLOB), x'00')"  # GLOB ends there
)
"""Keys that the rules may see differently: for printable ASCII they are the same."""


def note(connection: sqlite3.Connection) -> None:
    """Note the keys of an older form. At every start: the release before may have made more."""
    found = connection.execute(f"SELECT key FROM publications WHERE {_NOT_PLAIN}")
    connection.executemany(
        "INSERT INTO older_keys (normal, key) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(normal, key) for (key,) in found if (normal := publication_key(key)) != key],
    )


def stored_key(connection: sqlite3.Connection, normal: str) -> str:
    """Return the key under which a publication is stored, from the one of today's form."""
    (older,) = connection.execute(
        "SELECT MIN(key) FROM older_keys WHERE normal = ?", (normal,)
    ).fetchone()
    if older is None:
        return normal
    row = connection.execute("SELECT 1 FROM publications WHERE key = ?", (normal,)).fetchone()
    return str(older) if row is None else normal


def is_known(connection: sqlite3.Connection, normal: str) -> bool:
    """Return whether a publication is there, under a key of either form."""
    stored = stored_key(connection, normal)
    row = connection.execute("SELECT 1 FROM publications WHERE key = ?", (stored,)).fetchone()
    return row is not None


def with_stored_keys(connection: sqlite3.Connection, batch: Batch) -> Batch:
    """Return the batch under the keys that there are."""
    stored = {key: stored_key(connection, key) for key in batch.names}
    if all(key == found for key, found in stored.items()):
        return batch

    def under_stored(tallies: Tallies) -> Tallies:
        return {(stored[key], text, label): sums for (key, text, label), sums in tallies.items()}

    return replace(
        batch,
        names={stored[key]: name for key, name in batch.names.items()},
        tallies=under_stored(batch.tallies),
        days={day: under_stored(tallies) for day, tallies in batch.days.items()},
    )
