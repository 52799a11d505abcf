"""`upgrade-store` and `downgrade-store`: the SQLite sink's file, from one form to the other.

Nothing of it happens by itself: while nobody says `upgrade-store`, the release before goes on with
the file; afterwards `downgrade-store` leads back.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from newstally_runtime.settings import load

from newstally_persister.maintenance.stopped import held, say
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.sqlite_upgrade import convert

_TOLD_EVERY_ROWS = 1_000_000


def upgrade(arguments: Sequence[str]) -> int:
    """Lead to the form of this release; return the exit code."""
    return _lead(arguments, sqlite_schema.NUMBERED, "the release before does not open it any more")


def downgrade(arguments: Sequence[str]) -> int:
    """Lead back to the form of 0.2.0; return the exit code."""
    return _lead(arguments, sqlite_schema.SPELT, "0.2.0 opens it again")


def _lead(arguments: Sequence[str], version: int, meaning: str) -> int:
    settings = load(PersisterSettings, arguments)
    if settings.sink != "sqlite":
        say("nothing to do: documents of Firestore have one form")
        return 0
    path = settings.sqlite_file
    if not path.exists():
        say(f"error: there is no file {path}")
        return 2
    with held(settings.data_dir):
        if _convert(path, settings.sqlite_max_bytes, version):
            say(
                f"{path} has form {version}: {meaning}. `VACUUM` gives the room of the old one back"
            )
        else:
            say(f"{path} has form {version} already")
    return 0


def _convert(path: Path, max_bytes: int, version: int) -> bool:
    told = 0

    def tell(rows: int) -> None:
        nonlocal told
        if rows - told >= _TOLD_EVERY_ROWS:
            told = rows
            say(f"{rows:,} rows copied")

    try:
        with closing(sqlite_schema.connect(path, max_bytes)) as connection:
            return convert(connection, version, tell)
    except sqlite3.Error as error:
        raise SinkError(
            f"{path}: {error}. The tallies are as they were; say the command again once that is "
            "mended (it needs about half of the file's size beside it)"
        ) from error
