"""The data directory: nobody else's, and nothing in it leads elsewhere."""

import os
import stat
from pathlib import Path

from newstally_persister.journal.errors import JournalError

DIRECTORY_MODE = 0o700
_SET_ANOTHER = "Set --data-dir to a directory that the persister alone uses"


def make_directory(directory: Path) -> None:
    """Make the directory and its parents where they are missing. Raises OSError."""
    missing = [directory, *directory.parents]
    missing = missing[: next(n for n, each in enumerate(missing) if each.is_dir())]
    for each in reversed(missing):
        each.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        # The new name itself has to survive a power cut, also those of its parents.
        sync_directory(each.parent)


def sync_directory(directory: Path) -> None:
    """Make what was made, renamed or removed in the directory durable. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def secure_directory(directory: Path) -> None:
    """Refuse a directory that others rule, close an own one to them. Raises JournalError, OSError.

    Root's volume mounts are as their storage made them: Kubernetes hands out directories of root,
    writable for a group (fsGroup) or, with some provisioners, for all of the pod.
    """
    found = directory.stat()
    own = found.st_uid == os.geteuid()
    if not own and found.st_uid == 0 and (_is_mount(directory) or not found.st_mode & 0o002):
        return
    if not own:
        raise JournalError(
            f"the data directory {directory} belongs to user {found.st_uid}, and this process runs "
            f"as {os.geteuid()}. {_SET_ANOTHER}, or give it this one (chown)"
        )
    if found.st_mode & 0o002 and not _is_mount(directory):
        raise JournalError(
            f"the data directory {directory} is writable by all: what is in it may be anybody's. "
            f"{_SET_ANOTHER}; if this one is, chmod it to 700 after a look at what is in it"
        )
    if stat.S_IMODE(found.st_mode) & ~DIRECTORY_MODE & 0o777:
        directory.chmod(DIRECTORY_MODE)


def _is_mount(directory: Path) -> bool:
    return os.path.ismount(directory.resolve())
