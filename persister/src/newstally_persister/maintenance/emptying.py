"""`empty-store`: a clean slate. Empties the store and begins a new journal.

A note in the data directory comes first and goes last: while it is there no persister starts, and
the command can be said again until it is done. Marks go before tallies, so that also a release that
does not know the note refuses a store that is half empty.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from newstally_runtime.settings import PositiveCount, load
from pydantic_settings import SettingsConfigDict

from newstally_persister.journal.directory import sync_directory
from newstally_persister.journal.opening import EMPTYING, FILE_NAME
from newstally_persister.maintenance.stopped import held, say
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sqlite.files import LOGS


class EmptySettings(PersisterSettings):
    """Deletes every tally of a store, and the journal: all uploads are forgotten."""

    model_config = SettingsConfigDict(cli_prog_name="newstally-persister empty-store")

    store_name: str | None = None
    """The store's name, as the command tells it: without it, it is asked for."""
    deletes_per_second: PositiveCount = 500
    """Documents of Firestore to delete in a second."""


def empty(arguments: Sequence[str]) -> int:
    """Ask for the store's name, then empty it; return the exit code."""
    settings = load(EmptySettings, arguments)
    with held(settings.data_dir):
        name = asyncio.run(_name(settings))
        if not _agreed(name, settings.store_name):
            say("nothing was deleted")
            return 2
        note = settings.data_dir / EMPTYING
        note.touch(mode=0o600)
        sync_directory(settings.data_dir)
        if settings.sink == "sqlite":
            _remove(settings.sqlite_file)
        else:
            deleted = asyncio.run(_empty_firestore(settings))
            say(f"{deleted:,} documents deleted")
        _remove(settings.data_dir / FILE_NAME)
        note.unlink()
        sync_directory(settings.data_dir)
    say(f"{name} is empty, and the next start begins a new journal")
    return 0


def _agreed(name: str, said: str | None) -> bool:
    say(f"this deletes every tally in {name}, and every upload that was made")
    if said is None:
        if not sys.stdin.isatty():
            say(f"say --store-name '{name}' to go on")
            return False
        print("its name, to go on: ", end="", file=sys.stderr, flush=True)  # noqa: T201
        said = sys.stdin.readline().strip()
    return said == name


def _remove(path: Path) -> None:
    """Remove a database with its logs; the logs last, for they alone are nothing."""
    for each in (path, *(path.with_name(path.name + suffix) for suffix in LOGS)):
        each.unlink(missing_ok=True)
    if path.parent.is_dir():
        sync_directory(path.parent)


async def _name(settings: EmptySettings) -> str:
    if settings.sink == "sqlite":
        return str(settings.sqlite_file)
    # Google's libraries take a second to import: only who uses them waits for them.
    from newstally_persister.sinks.firestore.connection import connect  # noqa: PLC0415

    client = await connect(settings.firestore_project, settings.firestore_database)
    await client.close()
    return client.database


async def _empty_firestore(settings: EmptySettings) -> int:
    from newstally_persister.maintenance.firestore_emptying import empty_database  # noqa: PLC0415
    from newstally_persister.sinks.firestore.connection import (  # noqa: PLC0415
        Connection,
        connect,
    )

    connection = Connection(
        lambda: connect(settings.firestore_project, settings.firestore_database)
    )
    told = 0

    def tell(deleted: int) -> None:
        nonlocal told
        if deleted - told >= 10_000:
            told = deleted
            say(f"{deleted:,} documents deleted")

    try:
        async with connection.use() as client:
            return await empty_database(client, settings.deletes_per_second, tell)
    except PermanentSinkError as error:
        raise PermanentSinkError(f"{error}; say the command again", error.remedy) from error
    finally:
        await connection.close()
