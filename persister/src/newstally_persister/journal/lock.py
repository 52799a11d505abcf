"""One process per data directory."""

import fcntl
import os
from pathlib import Path

from newstally_persister.journal.errors import JournalLockedError


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
