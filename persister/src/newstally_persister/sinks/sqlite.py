"""The embedded sink: tallies in a SQLite file beside the journal."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Mark,
    Page,
    PageLimits,
    PartRefusedError,
    PermanentSinkError,
    PublicationPosition,
    PublicationTally,
    SinkBusyError,
    SinkError,
)
from newstally_persister.sinks.sqlite_schema import MAX_BYTES
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sqlite.threads import BusyError, OwnedThread
from newstally_persister.sqlite.transactions import snapshot
from newstally_persister.values.parts import Part, PartLimits, Row, text_bytes
from newstally_persister.values.progress import Expiry

log = structlog.get_logger()

_DAY_BYTES = 512
"""What a day of a row weighs in a part, beside the row: eight of that are a page of the log."""


def weigh(row: Row) -> int:
    """Return what a row takes of a part, in bytes."""
    return text_bytes(row) + _DAY_BYTES * len(row.days)


PART_LIMITS = PartLimits(rows=10_000, size_bytes=8 * 1024 * 1024, weigh=weigh)
"""What one transaction takes: short enough to be shared with readers, long enough to pay."""
READS_WAITING = 64
QUESTIONS_WAITING = 16
_ROW_LOG_BYTES = 2 * 4 * 4_096
"""What a row adds to the write-ahead log, at most: a page of the table and of each index. Twice
that, because half of the reserve is for the pages of days."""
GROWTH = 3.0
"""Bytes that the file grows by, at most, for each that leaves the journal."""
_DAY_SECONDS = 86_400
_KEPT_EVERY_SECONDS = 5.0
"""How long runs of rollups gather before they are merged."""
_IDLE_SECONDS = 20.0
"""How long nothing is applied before they are merged more thoroughly."""
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
}
"""Errors that go by themselves; for any other one somebody has to do something."""
_OF_ROWS = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}
"""Errors that rows make: a sum that is no whole number any more, a text that is too long."""
_REMEDIES = {
    sqlite3.SQLITE_FULL: "free space on the disk, or raise --sqlite-max-bytes",
    sqlite3.SQLITE_READONLY: "let the persister write to the file and its directory",
    sqlite3.SQLITE_CANTOPEN: "make the directory, and let the persister write to it",
    sqlite3.SQLITE_NOTADB: "set --sqlite-path to a file of tallies, or move this file away",
    sqlite3.SQLITE_CORRUPT: "restore the file and the data directory from one backup",
}

Result = TypeVar("Result")


class SqliteSink:
    """A Sink in one file, written by one thread and read by another."""

    def __init__(
        self,
        path: Path,
        receipt_days: int,
        max_bytes: int = MAX_BYTES,
        reserve_bytes: int = 0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is opened before the first call, so that trouble here stops no intake.

        The file takes at most `max_bytes`, and nothing while its disk has not `reserve_bytes` left.
        """
        self._path = path
        self._max_bytes = max_bytes
        self._reserve_bytes = reserve_bytes
        self._receipt_seconds = receipt_days * _DAY_SECONDS
        self._wall_clock = wall_clock
        self._told_of_days = False
        self._applied = asyncio.Event()
        self._writer = self._thread("sink-writer", waiting_limit=8)
        self._reader = self._thread("sink-reader", waiting_limit=READS_WAITING)
        self._asked = self._thread("sink-asked", waiting_limit=QUESTIONS_WAITING)

    @property
    def part_limits(self) -> PartLimits:
        """How large a part it takes: on a small disk one whose log fits into the reserve."""
        if not self._reserve_bytes:
            return PART_LIMITS
        rows = max(1, min(PART_LIMITS.rows, self._reserve_bytes // _ROW_LOG_BYTES))
        # A day of a row is a page of its table, and with those of the rollups four.
        size = min(PART_LIMITS.size_bytes, self._reserve_bytes // 64)
        return PartLimits(rows, size, weigh)

    @property
    def parts_in_flight(self) -> int:
        """One: SQLite has one writer."""
        return 1

    async def apply(self, part: Part) -> None:
        """See Sink.apply."""

        def work(tallies: SqliteTallies) -> bool:
            self._check_room()
            return _apply(tallies, part)

        loses_days = await self._answer(self._writer.run(work))
        self._applied.set()
        if loses_days and not self._told_of_days:
            self._told_of_days = True
            log.warning(
                "tallies are not kept by day",
                remedy="say `newstally-persister upgrade-store` while the persister is stopped",
            )

    async def keep(self) -> None:
        """See Sink.keep. A store that an earlier build wrote is caught up with first."""

        def work(idle: bool, tallies: SqliteTallies) -> bool:
            self._check_room()
            return tallies.keep(idle=idle)

        idle = False
        while True:
            pause = _KEPT_EVERY_SECONDS
            begin = time.monotonic()
            self._applied.clear()
            try:
                if await self._answer(self._writer.run(partial(work, idle))):
                    # As long as it took: parts and other work come first.
                    pause = time.monotonic() - begin
                else:
                    idle = await self._is_idle(_IDLE_SECONDS if not idle else None)
            except SinkError as error:
                # Questions are answered all the same, only later; parts have the same trouble.
                log.debug("rollups wait", why=str(error))
            await asyncio.sleep(pause)

    async def _is_idle(self, seconds: float | None) -> bool:
        """Wait for a part to be applied; return whether none was."""
        try:
            async with asyncio.timeout(seconds):
                await self._applied.wait()
        except TimeoutError:
            return True
        return False

    async def void(self, part: Part) -> bool:
        """See Sink.void."""
        return await self._answer(self._writer.run(lambda tallies: tallies.void(part)))

    async def expire(self, expiry: Expiry) -> None:
        """See Sink.expire."""
        now = int(self._wall_clock())
        await self._answer(
            self._writer.run(
                lambda tallies: tallies.expire(expiry, now + self._receipt_seconds, now)
            )
        )

    async def mark(self, journal_id: str) -> Mark:
        """See Sink.mark."""
        return await self._answer(self._writer.run(lambda tallies: tallies.mark(journal_id)))

    async def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Sink.list_publications."""
        return await self._answer(
            self._reader.run(lambda tallies: tallies.list_publications(limits, after))
        )

    async def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies."""
        return await self._answer(
            self._reader.run(
                lambda tallies: tallies.list_entity_tallies(publication_key, label, limits, after)
            )
        )

    async def ask(self, question: Callable[[sqlite3.Connection], Result]) -> Result:
        """Answer from one state of the file, in a thread of its own: lists do not wait for it."""

        def work(tallies: SqliteTallies) -> Result:
            with snapshot(tallies.connection):
                return question(tallies.connection)

        return await self._answer(self._asked.run(work))

    async def close(self) -> None:
        """Wait for what is under way and close the file."""
        await self._asked.close()
        await self._writer.close()
        await self._reader.close()

    def _thread(self, name: str, waiting_limit: int) -> OwnedThread[SqliteTallies]:
        return OwnedThread(
            name,
            lambda: SqliteTallies(sqlite_schema.connect(self._path, self._max_bytes)),
            SqliteTallies.close,
            broken=sqlite3.Error,
            waiting_limit=waiting_limit,
        )

    def _check_room(self) -> None:
        """Leave the journal its room: without it the process would end, and nothing be moved."""
        if not self._reserve_bytes:
            return
        disk = os.statvfs(self._path.parent)
        free = disk.f_bavail * disk.f_frsize
        if free < self._reserve_bytes:
            raise PermanentSinkError(
                f"{self._path}: its disk has {free} bytes left, and {self._reserve_bytes} of them "
                "are kept for the journal",
                _REMEDIES[sqlite3.SQLITE_FULL],
            )

    async def _answer(self, work: Awaitable[Result]) -> Result:
        try:
            return await work
        except BusyError as error:
            raise SinkBusyError("too many calls wait for the sink") from error
        except sqlite3.Error as error:
            raise self._decided(error) from error

    def _decided(self, error: sqlite3.Error) -> SinkError:
        # The low byte is the primary code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in _PASSING:
            return SinkError(f"{self._path}: {error}")
        return PermanentSinkError(
            f"{self._path}: {error}", _REMEDIES.get(code, "look after the file and its disk")
        )


def _apply(tallies: SqliteTallies, part: Part) -> bool:
    """Apply a part; return whether its days are lost: what its form has no place for.

    What its rows cannot be is an error of its own, and rolled back.
    """
    try:
        tallies.apply(part)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in _OF_ROWS:
            raise PartRefusedError(str(error)) from error
        raise
    return not tallies.keeps_days and any(row.days for row in part.publications)
