"""Who holds a data directory, before a persister is started on it."""

import os
from pathlib import Path

LOCK = "lock"
"""The persister's file in its data directory; it holds the process id of who locks it."""


def holder(data: Path) -> str | None:
    """Return the process that a persister runs on the directory as, or None.

    The persister itself waits a while for one that is ending, and takes the lock; this only tells.
    """
    try:
        import fcntl  # noqa: PLC0415 - not everywhere that the client runs
    except ImportError:
        return None
    try:
        descriptor = os.open(data / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None  # nobody was there yet, or the persister will say what is wrong
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None
