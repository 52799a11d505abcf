"""What the tallies of the store were counted with, over all uploads."""

import sqlite3
from collections.abc import Iterable

from newstally_persister.values.batches import MODELS_LIMIT


def note(connection: sqlite3.Connection, models: Iterable[str]) -> None:
    """Remember models; beyond MODELS_LIMIT they are forgotten."""
    connection.executemany(
        "INSERT INTO models SELECT ? WHERE (SELECT count(*) FROM models) < ? "
        "ON CONFLICT DO NOTHING",
        [(model, MODELS_LIMIT) for model in models],
    )


def note_uploads(connection: sqlite3.Connection) -> None:
    """Remember the models of all uploads: those of a release that notes none, too."""
    found = connection.execute("SELECT DISTINCT value FROM uploads, json_each(uploads.models)")
    note(connection, sorted(model for (model,) in found))


def read(connection: sqlite3.Connection) -> list[str]:
    """Return the models, sorted."""
    return [model for (model,) in connection.execute("SELECT model FROM models ORDER BY model")]
