"""The one thread that writes the journal: group commit, and an end to the process on any error."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Concatenate, ParamSpec, TypeVar

import structlog

from newstally_persister.journal.commands import (
    CREATE_BYTES,
    RETRY_SECONDS,
    Command,
    CommandQueue,
    Kind,
)
from newstally_persister.journal.errors import JournalClosedError, JournalError, JournalFullError
from newstally_persister.journal.opening import OpenJournal
from newstally_persister.journal.space import SpaceLimits, shortage
from newstally_persister.journal.tables import owned
from newstally_persister.metrics import Metrics
from newstally_persister.values.batches import Batch
from newstally_persister.values.uploads import NewUpload, Recorded, Upload

log = structlog.get_logger()

WAITING_BYTES = 64 * 1024 * 1024
"""Commands that wait; over it, callers are told to come back."""
GROUP_BYTES = 8 * 1024 * 1024
"""Commands in one transaction."""
IDLE_SECONDS = 1.0
"""How often the disk is measured while nothing happens."""
JOIN_SECONDS = 5.0
"""How long to wait for the thread at the end: a disk may hang."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class JournalWriter:
    """Takes commands on the event loop, runs them in its thread, answers after the commit.

    After any error in the thread nothing is answered any more but with JournalClosedError:
    whether the command was committed is then for the next start to find out.
    """

    def __init__(
        self,
        journal: OpenJournal,
        limits: SpaceLimits,
        on_fatal: Callable[[str], None],
        metrics: Metrics,
        on_recorded: Callable[[Batch], None] = lambda _: None,
        *,
        wall_clock_micros: Callable[[], int] = lambda: time.time_ns() // 1_000,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        """Measure the journal. Raises sqlite3.Error and OSError.

        `on_fatal` runs in any thread. `on_recorded` runs on the event loop for each batch that was
        recorded, also where the caller has gone meanwhile: its tallies have to be flushed.
        """
        self._journal = journal
        self._limits = limits
        self._on_fatal = on_fatal
        self._metrics = metrics
        self._on_recorded = on_recorded
        self._now_micros = wall_clock_micros
        self._queue = CommandQueue(waiting_bytes, GROUP_BYTES)
        self._shortage: str | None = None
        self._used_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        metrics.journal_limit_bytes.set(limits.most)
        self._measure()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    async def close(self) -> bool:
        """Finish what waits and end the thread; the journal itself stays open.

        Returns False when the thread hangs on its disk: the journal cannot be closed then.
        """
        self._queue.close()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, JOIN_SECONDS)
        if self._thread.is_alive():
            log.error("journal does not answer", seconds=JOIN_SECONDS, remedy="check its disk")
            return False
        return True

    @property
    def shortage(self) -> str | None:
        """Why nothing is taken in now, or None."""
        return self._shortage

    @property
    def used_bytes(self) -> int:
        """What the journal used when it was measured last."""
        return self._used_bytes

    @property
    def waiting_bytes(self) -> int:
        """What waits for the thread."""
        return self._queue.size_bytes

    async def record(self, batch: Batch) -> Recorded | None:
        """Record a batch; see JournalStore. Raises JournalFullError and JournalClosedError."""
        recorded: Recorded | None = await self._take_in(Kind.RECORD, batch, batch.size_bytes)
        return recorded

    async def create_upload(self, wish: NewUpload) -> Upload | None:
        """Make an upload; see JournalStore. Raises JournalFullError and JournalClosedError."""
        upload: Upload | None = await self._take_in(Kind.CREATE, wish, CREATE_BYTES)
        return upload

    async def assign_upload(self, upload_id: str, owner: str) -> Upload | None:
        """Give an upload to an owner; see `owned`. Raises JournalClosedError."""
        return await self.run(owned.assign, upload_id, owner)

    async def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """See JournalStore.run. Raises JournalClosedError.

        It is charged nothing and never refused for lack of room: what flushes frees space.
        """
        result: Result = await self._do(
            Kind.RUN, lambda connection: work(connection, *args, **named), size_bytes=0
        )
        return result

    async def _take_in(self, kind: Kind, work: Any, size_bytes: int) -> Any:
        try:
            self._check_room()
            return await self._do(kind, work, size_bytes)
        except JournalFullError:
            self._metrics.intake_refused.inc()
            raise

    def _check_room(self) -> None:
        if self._shortage is not None:
            raise JournalFullError(self._shortage, RETRY_SECONDS)

    async def _do(self, kind: Kind, work: Any, size_bytes: int) -> Any:
        answer = self._loop.create_future()
        self._queue.put(Command(kind, work, size_bytes, answer))
        return await answer

    def _run(self) -> None:
        doing: Sequence[Command] = ()
        try:
            while (taken := self._queue.take(IDLE_SECONDS)) is not None:
                doing = taken
                for kind, commands in groupby(doing, key=lambda command: command.kind):
                    self._do_group(kind, list(commands))
                self._measure()
        except Exception as error:  # noqa: BLE001 - after an unknown state nothing may go on
            self._fail(error, doing)

    def _do_group(self, kind: Kind, commands: Sequence[Command]) -> None:
        store = self._journal.store
        begun = time.monotonic()
        work = [command.work for command in commands]
        results: Sequence[Any]
        match kind:
            case Kind.RECORD:
                results = store.record_batches(work, self._now_micros())
            case Kind.CREATE:
                results = store.create_uploads(work, self._now_micros())
            case Kind.RUN:
                results = [store.run(each) for each in work]
        self._metrics.commit_seconds.labels(kind.value).observe(time.monotonic() - begun)
        self._loop.call_soon_threadsafe(self._resolve, commands, results)

    def _resolve(self, commands: Sequence[Command], results: Sequence[Any]) -> None:
        for command, result in zip(commands, results, strict=True):
            if command.kind is Kind.RECORD and result is not None and result.recorded:
                self._on_recorded(command.work)
            if not command.answer.done():  # a caller that went away has cancelled it
                command.answer.set_result(result)

    def _measure(self) -> None:
        space = self._journal.gauge.measure()
        self._metrics.journal_bytes.set(space.used)
        self._metrics.journal_disk_free_bytes.set(space.disk_free)
        self._used_bytes = space.used
        short = shortage(space, self._limits)
        if (short is None) != (self._shortage is None):
            if short is None:
                log.info("intake goes on", journal_bytes=space.used)
            else:
                log.warning("intake stops", reason=short)
        self._shortage = short
        self._metrics.intake_open.set(short is None)

    def _fail(self, error: Exception, doing: Sequence[Command]) -> None:
        left = [*doing, *self._queue.abandon()]
        self._on_fatal(_message(error, self._journal))
        self._loop.call_soon_threadsafe(_reject, left)


def _message(error: Exception, journal: OpenJournal) -> str:
    if isinstance(error, JournalError):
        return str(error)
    advice = (
        "Check its disk and the space on it, then start again: what was acknowledged is kept"
        if isinstance(error, sqlite3.Error | OSError)
        else "This is a defect of the persister; what was acknowledged is kept"
    )
    return f"the journal {journal.path} failed: {type(error).__name__}: {error}. {advice}"


def _reject(commands: Sequence[Command]) -> None:
    for command in commands:
        if not command.answer.done():
            command.answer.set_exception(JournalClosedError("the journal failed"))
