"""Runs the persister: `newstally-persister --data-dir DIRECTORY`."""

from functools import partial

from newstally_runtime import lifeline, signals
from newstally_runtime.service import run
from newstally_runtime.settings import load

from newstally_persister.app import make_persister
from newstally_persister.journal.lock import wait_until_free
from newstally_persister.settings import PersisterSettings


def main() -> None:
    """Read the settings and serve until SIGTERM."""
    signals.end_at_once()
    settings = load(PersisterSettings)
    lifeline.watch(settings.drain)  # already while it waits
    wait_until_free(settings.data_dir)  # before there is an event loop that it would block
    run("persister", settings, partial(make_persister, settings))


if __name__ == "__main__":
    main()
