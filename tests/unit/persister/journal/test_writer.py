"""The journal's thread: answers after the commit, bounds, and an end on any error."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pytest
from newstally_persister.journal.errors import (
    CorruptJournalError,
    JournalClosedError,
    JournalFullError,
)
from newstally_persister.journal.opening import open_journal, open_reader
from newstally_persister.journal.space import SpaceLimits
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.journal.writer import JournalWriter
from newstally_persister.values.batches import Batch
from newstally_persister.values.uploads import NewUpload, Recorded
from unit.persister.building import batch, metrics

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
ROOMY = SpaceLimits(most=10**12, headroom=1)


class ObservedStore(JournalStore):
    """A journal that tells what it was asked for, and fails where it is told to."""

    groups: list[int]
    failure: Exception | None = None

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        self.groups.append(len(batches))
        return super().record_batches(batches, now_micros)

    def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        if self.failure is not None:
            raise self.failure
        return super().run(work, *args, **named)


class Bench:
    """A writer on a file."""

    def __init__(self, directory: Path, limits: SpaceLimits = ROOMY) -> None:
        opened = open_journal(directory)
        self.store = ObservedStore(opened.connection)
        self.store.groups = []
        self.journal = replace(opened, store=self.store)
        self.fatal: list[str] = []
        self.recorded: list[Batch] = []
        self.open = True
        self.writer = JournalWriter(
            self.journal,
            limits,
            self.fatal.append,
            metrics(),
            self.recorded.append,
            wall_clock_micros=lambda: 7,
            waiting_bytes=5_000,
        )

    async def close(self) -> None:
        """End it, if a test has not done so already."""
        if self.open:
            self.open = False
            assert await self.writer.close()
            self.journal.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.close()


async def test_an_answer_comes_after_the_commit(bench: Bench) -> None:
    """Whoever is answered can read it on another connection."""
    bench.writer.start()
    reader = open_reader(bench.journal.path)
    await bench.writer.create_upload(NewUpload("u", "anonymous"))
    assert reader.get_upload("u")
    answer = await bench.writer.record(batch("u", 0, [("Post", [])]))
    assert answer
    assert reader.get_upload("u") == answer.upload
    reader.close()


async def test_what_waits_is_committed_together_in_order(bench: Bench) -> None:
    """Batches that waited share a transaction; a create before them is seen, errors are apart."""
    tasks = [
        asyncio.create_task(bench.writer.create_upload(NewUpload("u", "anonymous"))),
        *(
            asyncio.create_task(bench.writer.record(batch(upload, first, [("Post", [])])))
            for upload, first in [("u", 0), ("u", 1), ("nobody", 0), ("u", 1), ("u", 2)]
        ),
    ]
    await asyncio.sleep(0)
    bench.writer.start()
    _, *answers = await asyncio.gather(*tasks)
    assert bench.store.groups == [5]
    assert [answer and (answer.recorded, answer.upload.next_offset) for answer in answers] == [  # type: ignore[union-attr]
        (True, 1),
        (True, 2),
        None,
        (False, 2),
        (True, 3),
    ]


async def test_a_caller_that_leaves_harms_nobody(bench: Bench) -> None:
    """A cancelled call's batch may be recorded; the next one is answered."""
    leaving = asyncio.create_task(bench.writer.create_upload(NewUpload("u", "anonymous")))
    await asyncio.sleep(0)
    leaving.cancel()
    bench.writer.start()
    made = await bench.writer.create_upload(NewUpload("v", "anonymous"))
    assert made
    assert made.upload_id == "v"


async def test_what_waits_is_bounded_in_bytes(bench: Bench) -> None:
    """Over the bound callers are told to come back; the flusher's calls are never refused."""
    big = batch("u", 0, [("Post", [("x" * 3_000, "P")])])
    waiting = asyncio.create_task(bench.writer.record(big))
    await asyncio.sleep(0)
    assert bench.writer.waiting_bytes > 3_000
    with pytest.raises(JournalFullError) as caught:
        await bench.writer.record(big)
    assert caught.value.retry_seconds > 0
    position = asyncio.create_task(bench.writer.run(flushes.position))
    bench.writer.start()
    assert await waiting is None
    assert (await position).last_cut == 0
    assert bench.writer.waiting_bytes == 0


async def test_a_batch_larger_than_the_bound_goes_alone(bench: Bench) -> None:
    """What could never be taken beside others is taken when nothing waits."""
    bench.writer.start()
    await bench.writer.create_upload(NewUpload("u", "anonymous"))
    large = batch("u", 0, [("Post", [(f"e{n}", "P") for n in range(100)])])
    assert large.size_bytes > 5_000
    assert await bench.writer.record(large)


async def test_a_full_journal_takes_nothing_in_and_goes_on_flushing(tmp_path: Path) -> None:
    """Near the bound intake stops with the remedy; reads and flushes go on; then it goes on."""
    bench = Bench(tmp_path)
    bench.writer.start()
    await bench.writer.create_upload(NewUpload("u", "anonymous"))
    await bench.writer.record(batch("u", 0, [("Post", [(f"e{n}" * 99, "P") for n in range(9)])]))
    await bench.close()
    bench = Bench(tmp_path, SpaceLimits(most=100_000, headroom=99_999))
    bench.writer.start()
    assert "raise --journal-max-bytes" in (bench.writer.shortage or "")
    with pytest.raises(JournalFullError, match="raise --journal-max-bytes"):
        await bench.writer.record(batch("u", 1, [("Post", [])]))
    with pytest.raises(JournalFullError):
        await bench.writer.create_upload(NewUpload("v", "anonymous"))
    assert await bench.writer.run(flushes.cut) == 1
    bench.writer._limits = ROOMY
    assert await bench.writer.run(flushes.open_flush)
    await bench.writer.run(flushes.position)
    assert bench.writer.shortage is None
    assert await bench.writer.record(batch("u", 1, [("Post", [])]))
    await bench.close()


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (sqlite3.OperationalError("disk I/O error"), "Check its disk"),
        (OSError(28, "No space left on device"), "Check its disk"),
        (CorruptJournalError("part 1 is damaged: restore it"), "part 1 is damaged: restore it"),
        (IndexError("odd"), "defect of the persister"),
    ],
)
async def test_any_error_ends_it_without_an_answer(
    bench: Bench, error: Exception, advice: str
) -> None:
    """Nobody is told a guess: waiting calls and later ones fail, and the process is told why."""

    bench.store.failure = error
    created = asyncio.create_task(bench.writer.create_upload(NewUpload("u", "anonymous")))
    await asyncio.sleep(0)
    calls = [
        asyncio.create_task(bench.writer.run(flushes.position)),
        asyncio.create_task(bench.writer.record(batch("u", 0, [("Post", [])]))),
    ]
    await asyncio.sleep(0)
    bench.writer.start()
    failed, recorded = await asyncio.gather(*calls, return_exceptions=True)
    assert await created
    assert isinstance(failed, JournalClosedError)
    assert isinstance(recorded, JournalClosedError)
    with pytest.raises(JournalClosedError):
        await bench.writer.create_upload(NewUpload("v", "anonymous"))
    await bench.close()  # the thread tells the process after it has told its callers
    assert len(bench.fatal) == 1
    assert advice in bench.fatal[0]


async def test_a_batch_is_reported_also_when_its_caller_has_gone(bench: Bench) -> None:
    """A cancelled call may be recorded all the same, and then its tallies have to be flushed."""
    wanted = batch("u", 0, [("Post", [])])
    created = asyncio.create_task(bench.writer.create_upload(NewUpload("u", "anonymous")))
    await asyncio.sleep(0)
    call = asyncio.create_task(bench.writer.record(wanted))
    await asyncio.sleep(0)
    call.cancel()
    bench.writer.start()
    await created
    await bench.writer.run(flushes.position)  # answered after the batch
    assert call.cancelled()
    assert bench.recorded == [wanted]
    again = await bench.writer.record(wanted)
    assert again is not None
    assert not again.recorded
    assert bench.recorded == [wanted]


async def test_a_group_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in the middle of a group rolls all of it back: nothing was answered."""
    bench = Bench(tmp_path)
    bench.writer.start()
    await bench.writer.create_upload(NewUpload("u", "anonymous"))

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("newstally_persister.journal.tables.recording._write_tallies", fail)
    calls = [bench.writer.record(batch("u", first, [("Post", []), None])) for first in (0, 2)]
    assert all(
        isinstance(result, JournalClosedError)
        for result in await asyncio.gather(*calls, return_exceptions=True)
    )
    await bench.close()
    journal = open_journal(tmp_path)
    upload = journal.store.get_upload("u")
    assert upload
    assert upload.next_offset == 0
    assert journal.store.list_refusals("u", -1, 9) == []
    assert journal.store.run(flushes.cut) is None
    journal.close()


async def test_closing_finishes_what_waits_and_ends_the_thread(bench: Bench) -> None:
    """What was taken is done; what comes later is refused; no thread is left."""
    waiting = asyncio.create_task(bench.writer.create_upload(NewUpload("u", "anonymous")))
    await asyncio.sleep(0)
    bench.writer.start()
    assert await bench.writer.close()
    assert await waiting
    with pytest.raises(JournalClosedError):
        await bench.writer.run(flushes.position)
    assert "journal-writer" not in {thread.name for thread in threading.enumerate()}
