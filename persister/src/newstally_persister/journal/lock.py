"""One process per data directory."""

import errno
import fcntl
import os
import time
from pathlib import Path

from newstally_persister.journal.errors import JournalLockedError
from newstally_persister.sqlite.files import FILE_MODE, check_plain

DRAINING_SECONDS = 15.0
"""A predecessor whose launcher was killed drains (8 s by default) before it lets go."""
POLL_SECONDS = 0.1
FILE_NAME = "lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def wait_until_free(directory: Path, seconds: float = DRAINING_SECONDS) -> None:
    """Wait while another process holds the directory, at most that long; blocks, so call it first.

    Returns in any case: whether the directory can be had is for `DirectoryLock` to say.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not (directory / FILE_NAME).exists():
            return  # nobody holds it, and whose directory it is has not been looked at
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
        path = directory / FILE_NAME
        descriptor = os.open(path, _FLAGS, FILE_MODE)
        try:
            _secure(path, descriptor)
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


def _secure(path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    check_plain(path, found)
    if found.st_nlink > 1:  # it is going to be overwritten
        raise OSError(errno.EMLINK, f"{path} has a second name: move it away")
    if found.st_uid == os.geteuid():
        os.fchmod(descriptor, FILE_MODE)
