"""The embedded sink's threads, and what its errors mean."""

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from newstally_persister.journal.reader_thread import JournalReads
from newstally_persister.services.tally_service import TallyService
from newstally_persister.sinks.base import (
    Mark,
    Page,
    PageLimits,
    PermanentSinkError,
    PublicationTally,
    SinkBusyError,
    SinkError,
)
from newstally_persister.sinks.questions.sqlite import SqliteQuestions
from newstally_persister.sinks.sqlite import READS_WAITING, SqliteSink
from newstally_persister.sinks.sqlite_schema import connect
from newstally_persister.values.progress import Expiry
from newstally_protos.v1 import tally_pb2, tally_pb2_grpc
from newstally_protos.wire import retry_delay_seconds
from unit.persister.sinks.test_sqlite_tallies import part

_DURABILITY = ("journal_mode", "synchronous")
LIMITS = PageLimits(10, 10_000)


async def test_what_was_applied_can_be_read(tmp_path: Path) -> None:
    """The reading connection sees what the writing one answered."""
    sink = SqliteSink(tmp_path / "tallies.db", receipt_days=7)
    try:
        await sink.apply(part(1, 1, ("x", "P", 3)))
        page = await sink.list_publications(LIMITS, None)
        assert [(item.key, item.mentions) for item in page.items] == [("post", 3)]
        await sink.expire(Expiry("j", 1, (1,)))
        assert await sink.mark("j") == Mark(1, 1)
    finally:
        await sink.close()


async def test_too_many_reads_are_told_to_come_again(tmp_path: Path) -> None:
    """Overload is answered as overload, not as a sink that fails."""
    sink = SqliteSink(tmp_path / "tallies.db", receipt_days=7)
    server = grpc.aio.server()
    reading_side = JournalReads(tmp_path / "journal.db", pytest.fail)
    service = TallyService(sink, SqliteQuestions(sink), reading_side, lambda: None)
    tally_pb2_grpc.add_TallyServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        await sink.apply(part(1, 1, ("x", "P", 3)))
        reads = [sink.list_publications(LIMITS, None) for _ in range(READS_WAITING)]
        reading = asyncio.gather(*reads)
        await asyncio.sleep(0)
        with pytest.raises(SinkBusyError):
            await sink.list_publications(LIMITS, None)
        await reading
        sink.list_publications = busy  # type: ignore[method-assign,assignment]
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError, match="too many reads wait") as caught:
                await tally_pb2_grpc.TallyServiceStub(channel).ListPublications(
                    tally_pb2.ListPublicationsRequest()
                )
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_delay_seconds(caught.value)
    finally:
        await server.stop(0)
        await reading_side.close()
        await sink.close()


async def busy(*_: object) -> Page[PublicationTally]:
    """What the sink's thread answers when it has too much to do."""
    raise SinkBusyError


def test_many_may_be_the_first_to_open_a_file(tmp_path: Path) -> None:
    """The writer's and the reader's threads begin at the same time on a new file."""
    for number in range(20):
        path = tmp_path / f"{number}.db"
        barrier = threading.Barrier(4)

        def open_it(path: Path = path, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            connect(path).close()

        with ThreadPoolExecutor(4) as threads:
            for opening in [threads.submit(open_it) for _ in range(4)]:
                opening.result()


async def test_a_foreign_file_is_permanent_until_it_is_mended(tmp_path: Path) -> None:
    """The error names file and remedy; once the file is moved away the sink works."""
    path = tmp_path / "tallies.db"
    path.write_bytes(b"certainly not a database" * 100)
    sink = SqliteSink(path, receipt_days=7)
    try:
        with pytest.raises(PermanentSinkError, match=r"tallies\.db") as caught:
            await sink.apply(part(1, 1, ("x", "P", 3)))
        assert "move this file away" in caught.value.remedy
        path.rename(tmp_path / "elsewhere")
        await sink.apply(part(1, 1, ("x", "P", 3)))
    finally:
        await sink.close()


async def test_a_missing_directory_is_permanent_until_it_is_made(tmp_path: Path) -> None:
    """A path that cannot be opened stops nothing else, and is tried again."""
    sink = SqliteSink(tmp_path / "missing" / "tallies.db", receipt_days=7)
    try:
        with pytest.raises(PermanentSinkError) as caught:
            await sink.mark("j")
        assert "make the directory" in caught.value.remedy
        (tmp_path / "missing").mkdir()
        assert await sink.mark("j") == Mark(0, 0)
    finally:
        await sink.close()


async def test_the_journals_room_is_left_to_it(tmp_path: Path) -> None:
    """On a disk without the reserve nothing is applied, and the remedy is told; reads go on."""
    roomless = SqliteSink(tmp_path / "tallies.db", receipt_days=7, reserve_bytes=2**62)
    try:
        with pytest.raises(PermanentSinkError, match="kept for the journal") as caught:
            await roomless.apply(part(1, 1, ("x", "P", 3)))
        assert "free space" in caught.value.remedy
        assert await roomless.mark("j") == Mark(0, 0)
    finally:
        await roomless.close()
    modest = SqliteSink(tmp_path / "tallies.db", receipt_days=7, reserve_bytes=1024**2)
    try:
        await modest.apply(part(1, 1, ("x", "P", 3)))
        assert modest.part_limits.rows < 100
        assert modest.part_limits.size_bytes < 1024**2
    finally:
        await modest.close()


async def test_a_file_at_its_bound_is_permanent_until_it_is_raised(tmp_path: Path) -> None:
    """Nothing of the part is applied, and what is there can be read."""
    path = tmp_path / "tallies.db"
    large = part(2, 1, *((f"{n} {'x' * 900}", "P", 1) for n in range(100)))
    sink = SqliteSink(path, receipt_days=7, max_bytes=100_000)
    try:
        await sink.apply(part(1, 1, ("x", "P", 3)))
        with pytest.raises(PermanentSinkError) as caught:
            await sink.apply(large)
        assert "--sqlite-max-bytes" in caught.value.remedy
        assert await sink.mark("j") == Mark(1, 0)
        page = await sink.list_publications(LIMITS, None)
        assert [(item.key, item.mentions) for item in page.items] == [("post", 3)]
    finally:
        await sink.close()
    sink = SqliteSink(path, receipt_days=7)
    try:
        await sink.apply(large)
    finally:
        await sink.close()


async def test_a_file_that_others_lock_is_transient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock goes by itself: not permanent."""
    monkeypatch.setattr("newstally_persister.sinks.sqlite_schema.BUSY_MILLISECONDS", 1)
    path = tmp_path / "tallies.db"
    sink = SqliteSink(path, receipt_days=7)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        await sink.mark("j")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SinkError) as caught:
            await sink.apply(part(1, 1, ("x", "P", 3)))
        assert not isinstance(caught.value, PermanentSinkError)
        other.execute("ROLLBACK")
        await sink.apply(part(1, 1, ("x", "P", 3)))
    finally:
        other.close()
        await sink.close()


def test_what_was_answered_survives_a_power_cut(tmp_path: Path) -> None:
    """Every commit is synced: the journal forgets what the sink has answered."""
    connection = connect(tmp_path / "tallies.db")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _DURABILITY]
    connection.close()
    assert found == ["wal", 2]


async def test_receipts_live_for_the_days_that_were_set(tmp_path: Path) -> None:
    """Two days are two days of the wall clock."""
    now = time.time()
    path = tmp_path / "tallies.db"
    sink = SqliteSink(path, receipt_days=2, wall_clock=lambda: now)
    try:
        await sink.apply(part(1, 1, ("x", "P", 3)))
        await sink.expire(Expiry("j", 1, (1,)))
    finally:
        await sink.close()
    connection = sqlite3.connect(path)
    (expires,) = connection.execute("SELECT expire_seconds FROM receipts").fetchone()
    connection.close()
    assert expires == int(now) + 2 * 24 * 3600
