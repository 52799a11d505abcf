"""RecordBatch at the end of a process's life, and work that waits for a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator

import grpc
import pytest
from newstally_persister.journal.errors import JournalFullError
from newstally_persister.services.journal_service import JournalService
from newstally_persister.sqlite.threads import BusyError, OwnedThread
from newstally_persister.values.batches import Batch
from newstally_persister.values.uploads import Recorded
from newstally_protos.v1 import journal_pb2, journal_pb2_grpc
from newstally_protos.wire import retry_delay_seconds
from unit.persister.building import batch, journal, metrics, request


class SlowJournal:
    """A journal that answers when it is told to."""

    def __init__(self) -> None:
        self.store = journal("u")
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.full = False

    async def record(self, sent: Batch) -> Recorded | None:
        if self.full:
            raise JournalFullError("no room", retry_seconds=1.5)
        self.asked.set()
        await self.answer.wait()
        return self.store.record_batches([sent], 2)[0]


class Bench:
    """A JournalService on a loopback port."""

    def __init__(self) -> None:
        self.journal = SlowJournal()
        self.service = JournalService(self.journal, metrics())
        self.server = grpc.aio.server()
        journal_pb2_grpc.add_JournalServiceServicer_to_server(self.service, self.server)
        self.channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        )
        self.stub = journal_pb2_grpc.JournalServiceStub(self.channel)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    await made.server.start()
    yield made
    await made.channel.close()
    await made.server.stop(None)


async def test_draining_answers_what_is_under_way_and_refuses_the_rest(bench: Bench) -> None:
    """A batch that was taken is answered; a later one is UNAVAILABLE; then drain() returns."""
    sent = request("u", 0, [("Post", [("x", "P")]), None])
    under_way = asyncio.ensure_future(bench.stub.RecordBatch(sent, timeout=60))
    await bench.journal.asked.wait()
    draining = asyncio.create_task(bench.service.drain())
    await asyncio.sleep(0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await bench.stub.RecordBatch(sent, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert not draining.done()
    bench.journal.answer.set()
    assert (await under_way).upload.next_offset == 2
    async with asyncio.timeout(60):
        await draining


async def test_a_full_journal_says_when_to_come_back(bench: Bench) -> None:
    """RESOURCE_EXHAUSTED carries RetryInfo: it means wait."""
    bench.journal.full = True
    with pytest.raises(grpc.aio.AioRpcError, match="no room") as caught:
        await bench.stub.RecordBatch(request("u", 0, [None]), timeout=60)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_seconds(caught.value) == 1.5


async def test_the_name_of_a_gateway_is_measured_in_bytes(bench: Bench) -> None:
    """As the protocol says; a letter may take four of them."""
    for name in ("g" * 64, "ü" * 32):
        await bench.stub.ShareLimits(journal_pb2.ShareLimitsRequest(gateway=name), timeout=60)
    for name in ("", "g" * 65, "ü" * 33):
        with pytest.raises(grpc.aio.AioRpcError, match="1 to 64 bytes") as caught:
            await bench.stub.ShareLimits(journal_pb2.ShareLimitsRequest(gateway=name), timeout=60)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_batch_is_charged_for_the_memory_it_takes() -> None:
    """Many small rows weigh more than their bytes on the wire."""
    rows = 1_000
    sent = request("u", 0, [("Post", [(f"{n}", "P") for n in range(rows)])])
    charged = batch("u", 0, [("Post", [(f"{n}", "P") for n in range(rows)])]).size_bytes
    assert charged > sent.ByteSize() + rows * 250


async def test_reads_that_wait_are_bounded_and_a_broken_resource_is_opened_anew() -> None:
    """One thread opens, uses and closes; over the bound callers are told so at once."""
    opened: list[int] = []
    closed: list[int] = []
    release = threading.Event()

    def open_resource() -> int:
        opened.append(threading.get_ident())
        return len(opened)

    def break_it(_: int) -> None:
        raise OSError("broken")

    thread = OwnedThread("test", open_resource, closed.append, OSError, waiting_limit=2)
    waiting = [asyncio.create_task(thread.run(lambda _: release.wait(60))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await thread.run(lambda resource: resource)
    release.set()
    assert await asyncio.gather(*waiting) == [True, True]
    with pytest.raises(OSError, match="broken"):
        await thread.run(break_it)
    assert await thread.run(lambda resource: resource) == 2
    await thread.close()
    assert closed == [1, 2]
    assert len(set(opened)) == 1
    assert opened[0] != threading.get_ident()
