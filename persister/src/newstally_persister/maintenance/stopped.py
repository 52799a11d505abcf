"""A data directory that no persister uses meanwhile."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newstally_persister.journal.directory import secure_directory
from newstally_persister.journal.errors import JournalError
from newstally_persister.journal.lock import DirectoryLock
from newstally_persister.sinks.base import PermanentSinkError, SinkError


def say(text: str) -> None:
    """Tell the person something."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's own words


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the directory. What goes wrong ends the process: 2 where another try does not help."""
    try:
        secure_directory(directory)
        lock = DirectoryLock(directory)
    except (JournalError, OSError) as error:
        say(f"error: {error}")
        raise SystemExit(2) from error
    try:
        yield
    except PermanentSinkError as error:
        say(f"error: {error}: {error.remedy}")
        raise SystemExit(1) from error
    except (SinkError, OSError) as error:
        say(f"error: {error}")
        raise SystemExit(1) from error
    finally:
        lock.close()
