"""Sends an input to the upload that was chosen for it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from newstally.cli.uploading.choosing import Choice
from newstally.cli.uploading.rejecting.rejects import MostRejects
from newstally.cli.uploading.rejecting.verdicts import Verdicts
from newstally.cli.uploading.states import Stage, StateStore
from newstally.cli.uploading.voice import Voice
from newstally.client import NewstallyClient
from newstally.errors import InputError, PermanentError
from newstally.inputs import Record, Source, Survey
from newstally.settings import Access, RetryPolicy
from newstally.values import Article, Progress, Upload, UploadEvent, UploadSummary


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of sending an input."""

    summary: UploadSummary
    applied_offset: int
    seconds: float
    verdicts: Verdicts
    already_counted: bool
    """All was settled before this run, which sent nothing."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be sent, and how."""

    source: Source
    choice: Choice
    store: StateStore
    access: Access
    voice: Voice
    most_rejects: MostRejects
    give_up_after: float | None = None
    """Seconds without a move; None: never."""
    rate: float | None = None
    """At most so many articles a second; None: as fast as they are settled."""
    wait_applied: bool = False
    """Wait in the end until all tallies are in the sink."""

    def client(self) -> NewstallyClient:
        """Return a client with the patience that is asked for."""
        retry = RetryPolicy(give_up_after=self.give_up_after)
        return NewstallyClient(self.choice.target, access=self.access, retry=retry)

    async def finish(self, client: NewstallyClient, summary: UploadSummary) -> int:
        """Note that all is settled, and wait if that is wanted; return the applied offset."""
        self.store.advance(self.choice.state, Stage.FINISHED)
        if not self.wait_applied:
            return summary.applied_offset
        self.voice.note("waiting until all tallies are in the sink")
        return (await client.wait_applied(summary.upload_id)).applied_offset


async def send(task: Task, surveyed: Survey) -> Sent:
    """Settle every article of the input and say what it came to. Raises NewstallyError."""

    def check(upload: Upload) -> None:
        task.most_rejects.check(upload.refused, surveyed.records, upload_id)

    def observe(event: UploadEvent) -> None:
        display(event)
        if isinstance(event, Progress):
            check(event.upload)

    begin = time.monotonic()
    choice = task.choice
    upload_id = choice.state.upload_id
    async with task.client() as client:
        with task.voice.display(surveyed.records, choice.target) as display:
            upload = await open_upload(client, task, surveyed, display)
            check(upload)
            already = 0 < upload.next_offset == surveyed.records
            if already:
                summary = UploadSummary(**asdict(upload), articles=surveyed.records, refusals=())
            else:
                with contextlib.closing(task.source.records()) as records:
                    first, reading = upload.next_offset, task.voice.first_pass(task.source)
                    articles = paced(read_over(records, first, reading), first, task.rate)
                    summary = await client.upload(
                        articles, upload_id=upload_id, must_exist=True, on_event=observe
                    )
        seconds = time.monotonic() - begin
        applied_offset = await task.finish(client, summary)
        verdicts = await verdicts_of(client, summary)
    return Sent(summary, applied_offset, seconds, verdicts, already_counted=already)


def read_over(
    records: Iterable[Record], first: int, on_record: Callable[[int], None]
) -> Iterator[Record]:
    """Yield all; `on_record` is told how many were read of those that are settled, below `first`.

    Nothing is sent meanwhile, so that nothing else shows how far it is.
    """
    for number, record in enumerate(records, start=1):
        if number <= first:
            on_record(number)
        yield record


def paced(
    records: Iterable[Record], first: int, rate: float | None
) -> Iterable[Article] | AsyncIterable[Article]:
    """Return the articles of records, those from offset `first` on at most `rate` a second."""
    if rate is None:
        return (record.article for record in records)
    return _slowly(records, first, rate)


async def _slowly(
    records: Iterable[Record], first: int, rate: float
) -> AsyncGenerator[Article, None]:
    begin = time.monotonic()
    for offset, record in enumerate(records):
        early = (offset - first) / rate - (time.monotonic() - begin)
        if offset < first:
            early = 0.0  # it is read over, not sent
            begin = time.monotonic()
        await asyncio.sleep(max(early, 0.0))
        yield record.article


async def open_upload(
    client: NewstallyClient,
    task: Task,
    surveyed: Survey,
    display: Callable[[UploadEvent], None],
) -> Upload:
    """Make the upload or find it, and check that it can be of this input.

    A new upload that fails here for good leaves no state behind: the next run must not take it for
    one that was checked.
    """
    choice, store, tell = task.choice, task.store, task.voice.note
    upload_id = choice.state.upload_id
    if choice.state.stage is not Stage.BEGUN:
        # Making it anew would count again what was settled before it was lost.
        upload = await client.get_upload(upload_id, on_event=display)
        _check_not_beyond(upload, surveyed.records)
        return upload
    try:
        upload = await client.create_upload(
            upload_id, fingerprint=surveyed.fingerprint.summary(), on_event=display
        )
        _check_not_beyond(upload, surveyed.records)
    except PermanentError:
        store.forget(choice.state)
        raise
    by_articles = upload_id == surveyed.fingerprint.upload_id
    if 0 < upload.next_offset < surveyed.records and by_articles:
        tell(f"going on with upload {upload_id}: {upload.next_offset:,} articles are settled")
    elif upload.next_offset and not by_articles:
        tell(
            f"note: {upload.next_offset} articles of upload {upload_id} were settled by somebody"
            " else; if this is another input, its first articles are not counted"
        )
    store.advance(choice.state, Stage.CREATED)  # on disk before the first article is sent
    return upload


def _check_not_beyond(upload: Upload, records: int) -> None:
    """Somebody else may have sent another input under this id, whoever made the upload."""
    if upload.next_offset > records:
        raise InputError(
            f"upload {upload.upload_id} has {upload.next_offset} articles settled, but this input"
            f" has only {records}: it is of another input"
        )


def lost(choice: Choice) -> str:
    """Say what it means that an upload that was begun is unknown, and what to do."""
    return (
        f"upload {choice.state.upload_id} is not known at {choice.target} any more (NOT_FOUND): the"
        " persister's data was replaced, this is another gateway, or the key is another owner's."
        " What was settled before may be in the sink and stays counted there; a new upload counts"
        " it again. If that is wanted, run the command with --again, without --resume and"
        " --upload-id"
    )


async def verdicts_of(client: NewstallyClient, upload: Upload) -> Verdicts:
    """Return what the gateway keeps of the refusals; it bounds how many that are."""
    if not upload.refused:
        return Verdicts([], [], upload.next_offset)
    refusals = [refusal async for refusal in client.refusals(upload.upload_id)]
    ranges = []
    if len(refusals) < upload.refused:
        ranges = await client.refusal_ranges(upload.upload_id)
    return Verdicts(refusals, ranges, upload.next_offset)
