"""The files of a database: nobody else's to read, and none of them a link."""

import errno
import os
import stat
from pathlib import Path

FILE_MODE = 0o600
LOGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, with the database's mode."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def secure(path: Path) -> None:
    """Make a database's file where it is missing; close it and its logs to others. Raises OSError.

    What is there is not opened: closing it again would drop the locks that SQLite has on it.
    """
    try:
        os.close(os.open(path, _NEW, FILE_MODE))
    except FileExistsError:
        _secure(path)
    for suffix in LOGS:
        _secure(path.with_name(path.name + suffix))


def check_plain(path: Path, found: os.stat_result) -> None:
    """Raise OSError unless it is a plain file: a link would lead elsewhere."""
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.ELOOP, f"{path} is a link or no file at all: move it away")


def _secure(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    check_plain(path, found)
    if stat.S_IMODE(found.st_mode) & ~FILE_MODE and found.st_uid == os.geteuid():
        path.chmod(FILE_MODE)
