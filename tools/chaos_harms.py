"""What `make chaos` does besides killing: full disks, and processes that stand still."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from newstally.certificates.folder import SERVICES, Folder, write
from support.certificates import DAYS
from support.processes import Process

DISK_BYTES = 384 * 1024 * 1024
HEADROOM_BYTES = 32 * 1024 * 1024
LEFT_BYTES = (0, 0, 4 * 1024 * 1024, 24 * 1024 * 1024)
"""What a full disk may have left."""


class Disk:
    """The persister's file system, which somebody else fills at times."""

    def __init__(self, place: Path, left: Callable[[], int]) -> None:
        """`left` says how much a full disk has left, in bytes."""
        self._filler = place / "somebody-elses"
        self._left = left

    def fill(self) -> None:
        """Leave next to nothing."""
        keep = self._left()
        with contextlib.suppress(OSError), self._filler.open("wb", buffering=0) as out:
            while (free := os.statvfs(self._filler).f_bavail * 4096 - keep) > 0:
                out.write(b"\0" * min(free, 1024 * 1024))

    def empty(self) -> None:
        """Give it back."""
        self._filler.unlink(missing_ok=True)


class Pause:
    """Holds a process for a while, as a busy machine does."""

    def __init__(self, choose: Callable[[], Process]) -> None:
        self._choose = choose
        self._held: int | None = None

    def begin(self) -> None:
        """SIGSTOP, unless the process has been killed meanwhile."""
        process = self._choose()
        if process.running:
            self._held = process.pid
            os.kill(self._held, signal.SIGSTOP)

    def end(self) -> None:
        """SIGCONT."""
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(held, signal.SIGCONT)


class Renewal:
    """All certificates renewed, at times with a while between in which a service's are junk."""

    def __init__(self, folder: Folder, spoil: Callable[[], bool]) -> None:
        self._folder = folder
        self._spoil = spoil

    def begin(self) -> None:
        """Renew, or spoil."""
        if not self._spoil():
            self.end()
            return
        for service in SERVICES:
            chain, _, _ = self._folder.certificate(service)
            write(chain, b"junk")

    def end(self) -> None:
        """Make all anew."""
        self._folder.make((), datetime.now(UTC), DAYS)


@contextlib.contextmanager
def own_disk(place: Path) -> Iterator[Path | None]:
    """Make a file system for the persister; None, aloud, where this user may not."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "newstally-chaos", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        print("no full disks: a file system cannot be mounted here", flush=True)
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
