"""Sends what comes through a pipe as it comes, and keeps none of it that is settled.

Nothing is known of such an input before: not how much it is, nor whether it is the same as before.
So the user names the upload. What is rejected is written down as it is told; after a crash the same
bytes give the rest of it, from what the gateway lists.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import TextIO

from newstally.cli.uploading.rejecting.gathering import SHOWN_REFUSALS, Rejected
from newstally.cli.uploading.rejecting.rejects import (
    LocatedRefusal,
    line_of,
    upload_of,
)
from newstally.cli.uploading.rejecting.verdicts import Verdicts
from newstally.cli.uploading.sending import Sent, Task, open_upload, verdicts_of
from newstally.client.feeding import Feed
from newstally.errors import InputError
from newstally.files import replacing
from newstally.inputs import UNKNOWN_RECORDS, Record, Source, unknown
from newstally.values import (
    Article,
    Progress,
    Refusal,
    RefusalReason,
    Upload,
    UploadEvent,
)


async def stream(task: Task, path: Path) -> tuple[Sent, Rejected, int]:
    """Settle every article that comes; return what came of it, and how many were malformed.

    Rejects go to `path`. Raises NewstallyError.
    """
    begin = time.monotonic()
    choice = task.choice
    upload_id = choice.state.upload_id
    async with task.client() as client:
        with (
            task.voice.display(UNKNOWN_RECORDS, choice.target) as display,
            _rejects(path, upload_id) as file,
        ):
            upload = await open_upload(client, task, unknown(task.source), display)
            passing = _Passing(upload, await verdicts_of(client, upload), file, task.rate)

            def observe(event: UploadEvent) -> None:
                display(event)
                passing.observe(event)
                if isinstance(event, Progress):
                    task.most_rejects.check(event.upload.refused, UNKNOWN_RECORDS, upload_id)

            summary = await client.upload(
                passing.articles(_read(task.source)),
                upload_id=upload_id,
                must_exist=True,
                on_event=observe,
            )
            passing.settle(summary.next_offset)
        if not summary.articles:
            raise InputError("the input has no records")
        seconds = time.monotonic() - begin
        applied_offset = await task.finish(client, summary)
        verdicts = await verdicts_of(client, summary)
    already = summary.statistics.settled == 0
    sent = Sent(summary, applied_offset, seconds, verdicts, already_counted=already)
    return sent, passing.rejected(summary.refused), passing.malformed


def _read(source: Source) -> "Feed[Record]":
    """Read on a thread: a pipe may wait for long, and meanwhile the gateway is listened to."""
    feed: Feed[Record] = Feed(asyncio.get_running_loop())

    def read() -> None:
        error: BaseException | None = None
        try:
            for record in source.records():
                if not feed.give(record):
                    return
        except BaseException as failed:  # noqa: BLE001 - raised where the articles are taken
            error = failed
        with contextlib.suppress(RuntimeError):  # the loop has ended before the pipe
            feed.end(error)

    # A daemon: after Ctrl-C nobody waits for a pipe that says nothing.
    threading.Thread(target=read, name="pipe", daemon=True).start()
    return feed


class _Passing:
    """What has been read and is not settled yet, and the rejects among what is."""

    def __init__(
        self, upload: Upload, before: Verdicts, file: "_Rejects", rate: float | None
    ) -> None:
        self._first = upload.next_offset
        self._before = before
        self._file = file
        self._rate = rate
        self._waiting: deque[tuple[int, Record]] = deque()
        self._told: dict[int, Refusal] = {}
        self.malformed = 0

    async def articles(self, feed: "Feed[Record]") -> AsyncGenerator[Article, None]:
        """Yield the articles; those below the upload's next offset are only looked at."""
        begin = time.monotonic()
        offset = -1
        try:
            async for record in feed:
                offset += 1
                self.malformed += bool(record.problem)
                if offset < self._first:
                    self._reject(self._before.of(offset, record), record)
                    begin = time.monotonic()
                else:
                    self._waiting.append((offset, record))
                    if self._rate is not None:
                        due = begin + (offset - self._first) / self._rate
                        await asyncio.sleep(max(0.0, due - time.monotonic()))
                yield record.article
        finally:
            feed.leave()

    def observe(self, event: UploadEvent) -> None:
        """Take an event of the upload."""
        match event:
            case Refusal():
                self._told[event.offset] = event
            case Progress(upload):
                self.settle(upload.next_offset)
            case _:
                pass

    def settle(self, next_offset: int) -> None:
        """Write down what of it was rejected, and forget it."""
        while self._waiting and self._waiting[0][0] < next_offset:
            offset, record = self._waiting.popleft()
            refusal = self._told.pop(offset, None)
            if record.problem:
                article_id = record.article.article_id
                refusal = Refusal(offset, article_id, RefusalReason.MALFORMED, record.problem)
            self._reject(refusal, record)

    def _reject(self, refusal: Refusal | None, record: Record) -> None:
        if refusal is not None:
            self._file.write(refusal, record)

    def rejected(self, refused: int) -> Rejected:
        """Return what was written, and what is missing."""
        found = self._file.found
        missing = refused - self._file.number
        if missing > 0 and not found.problem:
            found.problem = (
                f"{missing:,} refused records are not among the rejects: what is piped is not kept,"
                " and the gateway told of them elsewhere; `newstally refusals` lists them"
            )
        return found


class _Rejects:
    """The file of rejects, made with the first of them."""

    def __init__(self, stack: contextlib.ExitStack, path: Path, upload_id: str) -> None:
        self._stack = stack
        self._path = path
        self._upload_id = upload_id
        self._file: TextIO | None = None
        self._writes = True
        self.number = 0
        self.found = Rejected()

    def write(self, refusal: Refusal, record: Record) -> None:
        """Write a record down; from the first failure on only count."""
        self.number += 1
        if len(self.found.shown) < SHOWN_REFUSALS:
            self.found.shown.append(LocatedRefusal.of(refusal, record))
        if not self._writes:
            return
        try:
            if self._file is None:
                if upload_of(self._path) == self._upload_id:
                    self.found.path, self._writes = self._path, False
                    return  # complete, and somebody may be mending it
                self._file = self._stack.enter_context(replacing(self._path))
            self._file.write(line_of(self._upload_id, refusal, record))
            self.found.path, self.found.written = self._path, self.number
        except (OSError, InputError) as error:
            self._give_up(error)

    def close(self) -> None:
        """Put the file in its place, where writing has not failed: the last of it may."""
        try:
            self._stack.close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Leave no part of a file: the next run would take it for all of it."""
        self._writes = False
        self.found.path, self.found.problem = None, f"{self._path}: {error}"
        with contextlib.suppress(OSError):  # as what is left in the buffer cannot be written
            self._stack.__exit__(type(error), error, error.__traceback__)


@contextlib.contextmanager
def _rejects(path: Path, upload_id: str) -> Iterator["_Rejects"]:
    with contextlib.ExitStack() as stack:
        rejects = _Rejects(stack, path, upload_id)
        yield rejects
        rejects.close()
