"""One process per data directory."""

import fcntl
import os
import time
from pathlib import Path

from newstally_persister.journal.errors import JournalLockedError

DRAINING_SECONDS = 15.0
"""A predecessor whose launcher was killed drains (8 s by default) before it lets go."""
POLL_SECONDS = 0.1


def wait_until_free(directory: Path, seconds: float = DRAINING_SECONDS) -> None:
    """Wait while another process holds the directory, at most that long; blocks, so call it first.

    Returns in any case: whether the directory can be had is for `DirectoryLock` to say.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            DirectoryLock(directory).close()
        except JournalLockedError:
            time.sleep(POLL_SECONDS)
        except OSError:
            return  # not there yet, or not to be had: told when it is opened
        else:
            return


class DirectoryLock:
    """An exclusive lock that the kernel drops when the process ends, however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock. Raises JournalLockedError, which names the holder, and OSError."""
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise JournalLockedError(
                f"{directory} is in use by process {holder}: stop that persister, or set "
                "--data-dir to a directory of its own"
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._descriptor)
