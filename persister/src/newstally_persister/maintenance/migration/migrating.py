"""`migrate-store`: leads a Firestore database to the layout that the settings name.

It copies, lets the copy be in force in one commit, and deletes what was copied. Broken off at any
moment and said again, it goes on; said with the layout that is still in force, it gives up.
`--dry-run` says what it would do.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from newstally_runtime.settings import PositiveCount, load
from pydantic_settings import SettingsConfigDict

from newstally_persister.journal.opening import EMPTYING, FILE_NAME
from newstally_persister.maintenance.stopped import held, say
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.base import PermanentSinkError, SinkError


class MigrateSettings(PersisterSettings):
    """Leads a Firestore database to the layout that --firestore-layout names."""

    model_config = SettingsConfigDict(cli_prog_name="newstally-persister migrate-store")

    writes_per_second: PositiveCount = 500
    """Documents of Firestore to write or delete in a second."""
    drop_days: bool = False
    """From `compact` to `documents`: lose on which days articles were published that are older than
    --days-kept. Months and totals are kept."""
    others_stopped: bool = False
    """The persisters of other journals that wrote to the database are stopped, too."""
    dry_run: bool = False
    """Only say what would be done and what it costs. Everything is read, nothing written."""


def migrate(arguments: Sequence[str]) -> int:
    """Lead to the layout that the settings name; return the exit code."""
    settings = load(MigrateSettings, arguments)
    if settings.sink != "firestore":
        say("nothing to do: a SQLite store has no layouts")
        return 0
    with held(settings.data_dir):
        if (settings.data_dir / EMPTYING).exists():
            say("error: the store is half empty: say empty-store again, until it is done")
            return 2
        return asyncio.run(_migrate(settings))


async def _migrate(settings: MigrateSettings) -> int:
    # Google's libraries take a second to import: only who uses them waits for them.
    from newstally_persister.maintenance.migration import (  # noqa: PLC0415
        rehearsing,
        stages,
        steps,
    )
    from newstally_persister.sinks.firestore.connection import (  # noqa: PLC0415
        Connection,
        connect,
    )

    layout = settings.firestore_layout
    connection = Connection(
        lambda: connect(settings.firestore_project, settings.firestore_database)
    )
    wish = stages.Wish(
        to=layout,
        journal_id=_journal_id(settings.data_dir / FILE_NAME),
        days_kept=settings.days_kept,
        drop_days=settings.drop_days,
        others_stopped=settings.others_stopped,
    )
    try:
        if settings.dry_run:
            rehearsal = rehearsing.Rehearsal(connection, settings.writes_per_second, say)
            cost = await rehearsing.rehearse(rehearsal, wish, settings.data_dir, say)
            say(_already(layout) if cost is None else cost.told(settings.writes_per_second))
            return 0
        done = await stages.migrate(
            steps.Steps(connection, settings.writes_per_second, say),
            wish,
            settings.data_dir,
            say,
        )
    except PermanentSinkError:
        raise
    except (SinkError, sqlite3.Error, OSError) as error:
        raise SinkError(f"{error}; say the command again: it goes on") from error
    finally:
        await connection.close()
    if done:
        say(f"the database has the layout `{layout}`: start with --firestore-layout {layout}")
    else:
        say(_already(layout))
    return 0


def _already(layout: str) -> str:
    return f"the database has the layout `{layout}` already"


def _journal_id(path: Path) -> str | None:
    """Return the id of the journal that is held; None: there is none."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found: tuple[str] | None = connection.execute("SELECT journal_id FROM meta").fetchone()
    return found and found[0]
