"""`upgrade-store` and `downgrade-store`: the SQLite sink's file, from one form to the other.

Nothing of it happens by itself: while nobody says `upgrade-store`, the release before goes on with
the file; afterwards `downgrade-store` leads back.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from newstally_runtime.settings import load
from pydantic_settings import SettingsConfigDict

from newstally_persister.maintenance.stopped import held, say
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.sqlite_upgrade import convert

_TOLD_EVERY_ROWS = 1_000_000


class UpgradeSettings(PersisterSettings):
    """Leads the SQLite sink's file to the form of this release."""

    model_config = SettingsConfigDict(cli_prog_name="newstally-persister upgrade-store")


class DowngradeSettings(PersisterSettings):
    """Leads the SQLite sink's file back to the form of 0.2.0."""

    model_config = SettingsConfigDict(cli_prog_name="newstally-persister downgrade-store")

    drop_days: bool = False
    """Lose what was published on which day: 0.2.0 has no place for it. Totals are kept."""


def upgrade(arguments: Sequence[str]) -> int:
    """Lead to the form of this release; return the exit code."""
    settings = load(UpgradeSettings, arguments)
    meaning = "the release before does not open it any more"
    return _lead(settings, sqlite_schema.NUMBERED, meaning, drop_days=False)


def downgrade(arguments: Sequence[str]) -> int:
    """Lead back to the form of 0.2.0; return the exit code."""
    settings = load(DowngradeSettings, arguments)
    meaning = "0.2.0 opens it again"
    return _lead(settings, sqlite_schema.SPELT, meaning, drop_days=settings.drop_days)


def _lead(settings: PersisterSettings, version: int, meaning: str, *, drop_days: bool) -> int:
    if settings.sink != "sqlite":
        say(
            "nothing to do: Firestore has one form of each layout; migrate-store changes the layout"
        )
        return 0
    path = settings.sqlite_file
    if not path.exists():
        say(f"error: there is no file {path}")
        return 2
    with held(settings.data_dir):
        if _convert(path, settings.sqlite_max_bytes, version, drop_days=drop_days):
            say(
                f"{path} has form {version}: {meaning}. `VACUUM` gives the room of the old one back"
            )
        else:
            say(f"{path} has form {version} already")
    return 0


def _convert(path: Path, max_bytes: int, version: int, *, drop_days: bool) -> bool:
    told = 0

    def tell(rows: int) -> None:
        nonlocal told
        if rows - told >= _TOLD_EVERY_ROWS:
            told = rows
            say(f"{rows:,} rows copied")

    try:
        with closing(sqlite_schema.connect(path, max_bytes)) as connection:
            return convert(connection, version, tell, drop_days=drop_days)
    except sqlite3.Error as error:
        raise SinkError(
            f"{path}: {error}. The tallies are as they were; say the command again once that is "
            "mended (it needs about half of the file's size beside it)"
        ) from error
