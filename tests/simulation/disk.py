"""A database whose process can die at any statement."""

import sqlite3
from typing import Any

PAGE_BYTES = 512
"""So small that few rows need another page."""


class PowerCutError(BaseException):
    """The process that ran the statement is gone. Nothing may handle this but its simulation."""


class Disk(sqlite3.Connection):
    """Loses what is not committed when its fuse burns down, before or after a statement."""

    fuse: int | None = None
    """Statements until the process dies; None: it does not."""
    late: bool = False
    """Whether the last statement still takes effect: for a COMMIT, the reply is what is lost."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement, or die."""
        if self.fuse is None:
            return super().execute(sql, parameters)
        self.fuse -= 1
        if self.fuse > 0:
            return super().execute(sql, parameters)
        self.fuse = None
        if self.late:
            super().execute(sql, parameters)
        raise PowerCutError

    def fill(self) -> None:
        """Let there be no room but on the pages that it has: what needs more fails."""
        (pages,) = self.peek("PRAGMA page_count")[0]
        self.peek(f"PRAGMA max_page_count = {pages}")

    def empty(self) -> None:
        """Let there be room again."""
        self.peek("PRAGMA max_page_count = 1000000")

    def peek(self, sql: str, parameters: Any = ()) -> list[Any]:
        """Read without burning the fuse: what an observer sees."""
        return super().execute(sql, parameters).fetchall()


def new_disk() -> Disk:
    """Return an empty one, in memory."""
    disk = sqlite3.connect(":memory:", factory=Disk, isolation_level=None)
    disk.peek(f"PRAGMA page_size = {PAGE_BYTES}")
    return disk


def is_full(error: sqlite3.Error) -> bool:
    """Return whether the error says that there is no room."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
