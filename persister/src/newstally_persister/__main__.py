"""Runs the persister: `newstally-persister --data-dir DIRECTORY`.

With a command before the settings it does something to the store instead; `--help` lists them.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial

from newstally_runtime import lifeline, signals
from newstally_runtime.service import run
from newstally_runtime.settings import load

from newstally_persister.app import make_persister
from newstally_persister.journal.lock import wait_until_free
from newstally_persister.maintenance import emptying, merging, setting_aside, upgrading
from newstally_persister.maintenance.migration import migrating
from newstally_persister.settings import PersisterSettings

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "upgrade-store": upgrading.upgrade,
    "downgrade-store": upgrading.downgrade,
    "migrate-store": migrating.migrate,
    "merge-publications": merging.merge,
    "empty-store": emptying.empty,
    "set-aside": setting_aside.set_aside,
}


def main() -> None:
    """Read the settings and serve until SIGTERM; or do as the command says."""
    signals.end_at_once()
    if (command := COMMANDS.get(next(iter(sys.argv[1:]), ""))) is not None:
        sys.exit(command(sys.argv[2:]))
    settings = load(PersisterSettings)
    lifeline.watch(settings.drain)  # already while it waits
    # Read by numpy when it is imported: what it is used for here needs no threads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    wait_until_free(settings.data_dir)  # before there is an event loop that it would block
    run("persister", settings, partial(make_persister, settings))


if __name__ == "__main__":
    main()
