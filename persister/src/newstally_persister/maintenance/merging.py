"""`merge-publications`: publications in Firestore that an older rule told apart.

Without `--merge` it only shows them. A store in SQLite is merged by `upgrade-store`.
"""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from newstally_protos.names import shown
from newstally_runtime.settings import load
from pydantic_settings import SettingsConfigDict

from newstally_persister.journal.opening import FILE_NAME
from newstally_persister.journal.tables.schema import configure
from newstally_persister.maintenance.stopped import held, say
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.base import PermanentSinkError


class MergeSettings(PersisterSettings):
    """Shows publications of Firestore that are one by today's rule, and merges them."""

    model_config = SettingsConfigDict(cli_prog_name="newstally-persister merge-publications")

    merge: bool = False
    """Merge them: it cannot be taken back."""


def merge(arguments: Sequence[str]) -> int:
    """Show what collides, and merge it if that is said; return the exit code."""
    settings = load(MergeSettings, arguments)
    if settings.sink != "firestore":
        say("nothing to do: upgrade-store merges the publications of a SQLite store")
        return 0
    with held(settings.data_dir):
        return asyncio.run(_merge(settings))


async def _merge(settings: MergeSettings) -> int:
    # Google's libraries take a second to import: only who uses them waits for them.
    from newstally_persister.maintenance import firestore_merging as merging  # noqa: PLC0415
    from newstally_persister.sinks.firestore.connection import (  # noqa: PLC0415
        Connection,
        connect,
    )

    connection = Connection(
        lambda: connect(settings.firestore_project, settings.firestore_database)
    )
    try:
        async with connection.use() as client:
            root = await merging.find_root(client)
            collisions = await merging.find_collisions(client, root)
            _tell(collisions)
            if settings.merge and collisions:
                if root != client.documents:
                    raise PermanentSinkError(
                        "a database of the layout `compact` is not merged",
                        "lead it to `documents` with migrate-store, merge, and lead it back",
                    )
                # First, as a run after one that broke off finds less.
                names = [(key, await merging.name_of(client, key)) for key in collisions]
                _tell_journal(settings.data_dir / FILE_NAME, names)
                moved = await merging.merge(client, collisions)
                say(f"merged: {moved:,} tallies moved")
    finally:
        await connection.close()
    return 0


def _tell_journal(path: Path, names: Sequence[tuple[str, str]]) -> None:
    """Let the journal know the keys that stay: otherwise it would go on with one that it knows."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            configure(connection)
            connection.executemany(
                "INSERT INTO publications (key, name) VALUES (?, ?) ON CONFLICT DO NOTHING", names
            )
    except sqlite3.Error as error:
        raise PermanentSinkError(
            f"{path}: {error}", "nothing is merged; name the data directory of the persister"
        ) from error


def _tell(collisions: Mapping[str, Sequence[str]]) -> None:
    for stays, others in sorted(collisions.items()):
        say(f"{shown(stays)!r} is also there as {', '.join(map(ascii, others))}")
    say(f"{len(collisions):,} publications are there under several keys")
