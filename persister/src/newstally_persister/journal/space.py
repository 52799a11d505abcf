"""How much disk the journal uses, and when that is too much. Pure but for `Gauge`."""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from newstally_persister.journal.tables import schema


@dataclass(frozen=True, slots=True)
class Space:
    """What was measured, in bytes."""

    used: int
    """Pages in use (free ones are used again first), and what the write-ahead log has over what
    it keeps at any time: that much is part of the headroom."""
    disk_free: int
    """What the file system leaves to this user."""
    reusable: int = 0
    """Free pages in the journal's file, which are used again before it grows."""
    pending: int = 0
    """Of what is used, what is on its way to the sink, at most."""


@dataclass(frozen=True, slots=True)
class SpaceLimits:
    """How much the journal may use, in bytes."""

    most: int
    headroom: int
    """Kept free below `most` and on the disk: for flushes under way and the write-ahead log."""
    sink_growth: float = 0.0
    """What a byte on its way to the sink takes there, where that is on the same file system."""

    @property
    def reusable(self) -> int:
        """How much of the headroom free pages may stand for: the log grows on the disk itself."""
        return self.headroom * 3 // 4


def shortage(space: Space, limits: SpaceLimits) -> str | None:
    """Return why nothing more may be taken in, with the remedy; None while there is room."""
    room = space.disk_free + min(space.reusable, limits.reusable)
    kept = limits.headroom + int(space.pending * limits.sink_growth)
    if room < kept:
        return (
            f"the journal has {room} bytes left on its disk, and {kept} are kept for flushes: it "
            "empties when the sink takes more; if the sink works, free some"
        )
    if space.used + limits.headroom > limits.most:
        return (
            f"the journal uses {space.used} bytes, and with {limits.headroom} kept for flushes "
            f"that is all of its {limits.most}: it empties when the sink takes more; if the sink "
            "works, raise --journal-max-bytes"
        )
    return None


class Gauge:
    """Measures one journal. Used by the thread that owns the connection."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._directory = path.parent
        self._log = schema.log_path(path)
        self._kept = 0
        """Bytes in use when nothing was on its way to the sink: uploads, refusals, names."""

    def measure(self) -> Space:
        """Measure now. Raises sqlite3.Error and OSError."""
        (page_size,) = self._connection.execute("PRAGMA page_size").fetchone()
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        (free_pages,) = self._connection.execute("PRAGMA freelist_count").fetchone()
        log_bytes = self._log_bytes()
        if log_bytes > schema.WAL_KEPT_BYTES:
            # A large transaction made it longer, and without another one it would stay so.
            self._cut_log()
            log_bytes = self._log_bytes()
        in_use = (pages - free_pages) * page_size
        if not self._connection.execute("SELECT EXISTS (SELECT 1 FROM pending)").fetchone()[0]:
            self._kept = in_use
        disk = os.statvfs(self._directory)
        return Space(
            used=in_use + max(0, log_bytes - schema.WAL_KEPT_BYTES),
            disk_free=disk.f_bavail * disk.f_frsize,
            reusable=free_pages * page_size,
            pending=max(0, in_use - self._kept),
        )

    def _cut_log(self) -> None:
        """Empty the log, unless somebody reads from it: then a later measurement will."""
        (patience,) = self._connection.execute("PRAGMA busy_timeout").fetchone()
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {patience}")

    def _log_bytes(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0
