"""The streaming methods behind a real server, with neither persister nor replicas."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

import grpc
import pytest
from newstally_gateway.clients.door import Door
from newstally_gateway.clients.limiting import Limiting
from newstally_gateway.clients.service import Streams
from newstally_gateway.clients.shared import Shared
from newstally_gateway.core.clients.admission import Admission, Memory
from newstally_gateway.core.clients.batches import Opened
from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.clients.places import Places
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Task, Window
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister
from newstally_gateway.persister.recorder import Recorder
from newstally_gateway.persister.uploads import Uploads
from newstally_gateway.replicas.dispatch_loop import DispatchLoop
from newstally_protos.v1.extractor_pb2 import ArticleEntities, Result
from newstally_protos.v1.gateway_pb2 import UploadArticlesRequest
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from newstally_protos.v1.upload_pb2 import Upload
from newstally_protos.wire import retry_delay_seconds
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from support.gateway_wire import Client, article, message
from unit.gateway.core.builders import count_nothing

LARGEST_BYTES = 100_000


class Journal:
    """Every upload exists and takes every batch, except "faulty" and what is in it."""

    def __init__(self) -> None:
        self.faulty_at = ""

    async def get(self, upload_id: str, _owner: str) -> tuple[Upload, Opened]:
        if (self.faulty_at, upload_id) == ("get", "faulty"):
            raise RuntimeError("a bug")
        return Upload(upload_id=upload_id), Opened(upload_id)

    async def record(self, request: RecordBatchRequest, _owner: str, _trace: object) -> Upload:
        if (self.faulty_at, request.upload_id) == ("record", "faulty"):
            raise RuntimeError("a bug")
        return Upload(upload_id=request.upload_id, next_offset=request.end_offset)


class Replica:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.attempts: asyncio.Queue[Attempt] = asyncio.Queue()

    def send(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self.attempts.put_nowait(attempt)

    def withdraw(self, ids: Sequence[int]) -> None:
        pass

    def expire(self, now: float) -> None:
        raise AssertionError(now)


class Gateway:
    """The shells under test and the only stream slots they have."""

    def __init__(self, slots: int) -> None:
        metrics = Metrics(CollectorRegistry())
        self.journal = Journal()
        self.dispatching = DispatchLoop(Dispatcher(120.0), metrics).dispatching
        self.slots = slots
        self.shared = Shared(
            dispatching=self.dispatching,
            memory=Memory(Admission(slots * LARGEST_BYTES, LARGEST_BYTES)),
            recorder=cast("Recorder", self.journal),
            limiting=Limiting(cast("Persister", self.journal), metrics.limit_hits),
            uploads=cast("Uploads", self.journal),
            metrics=metrics,
            counters=count_nothing(),
            limits=BatchLimits(send_bytes=4_000_000, max_age=0.0),
            max_content_bytes=1000,
        )

    def streams(self, age_seconds: float = 3600.0, wait_seconds: float = 10.0) -> Streams:
        """Streams that can be asked to leave at once."""
        places = Places(self.slots, settling_in_seconds=0.0)
        return Streams(self.shared, 5.0, 5.0, places, age_seconds, wait_seconds)


@asynccontextmanager
async def serving(streams: Streams) -> AsyncIterator[Client]:
    server = grpc.aio.server(interceptors=[Door(None, (), Metrics(CollectorRegistry()))])
    streams.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Client(channel)
    finally:
        await server.stop(0)


@pytest.mark.parametrize("faulty_at", ["get", "record"])
async def test_a_fault_ends_its_own_stream_only(faulty_at: str) -> None:
    """INTERNAL, one log entry with the traceback, and the other streams go on."""
    gateway = Gateway(slots=2)
    gateway.journal.faulty_at = faulty_at
    async with serving(gateway.streams()) as client:
        async with client.open() as other:
            await other.write(message(" ", upload_id="other", offset=0))
            await other.until(lambda heard: heard.next_offset == 1)
            with capture_logs() as logs:
                heard = await client.stream([message(" ", upload_id="faulty", offset=0)])
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await client.upload(
                        UploadArticlesRequest(upload_id="faulty", offset=0, article=article(" "))
                    )
            assert heard.code is grpc.StatusCode.INTERNAL
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            errors = [entry for entry in logs if entry["log_level"] == "error"]
            assert [(entry["event"], entry["upload_id"]) for entry in errors] == [
                ("stream failed", "faulty" if faulty_at == "record" else "")
            ] * 2
            assert all(isinstance(entry["exc_info"], Exception) for entry in errors)
            await other.write(message(" "))
            await other.half_close()
            heard = await other.ended()
        assert (heard.code, heard.next_offset) == (grpc.StatusCode.OK, 2)
        assert gateway.shared.memory.used_bytes == 0


async def test_a_fault_in_taking_an_outcome_leaves_the_link_alone() -> None:
    """The replica's reader brings outcomes to all sessions: one that fails is not its business."""
    gateway = Gateway(slots=1)
    replica = Replica()
    gateway.dispatching.link_up(replica, "instance", Window(10, 1000), 0.0)
    async with serving(gateway.streams()) as client:
        async with client.open() as stream:
            await stream.write(message(" ", upload_id="job", offset=0))
            await stream.until(lambda heard: heard.next_offset == 1)
            gateway.dispatching.add(Task(1, 99, "P", "", "text", 4))  # nobody admitted it
            attempt = await replica.attempts.get()
            with capture_logs() as logs:
                result = Result(id=attempt.attempt_id, entities=ArticleEntities())
                now = asyncio.get_running_loop().time()
                assert gateway.dispatching.answered(replica, [result], "model 1", now) is None
                heard = await stream.ended()
        assert heard.code is grpc.StatusCode.INTERNAL
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == [
            "stream failed"
        ]
    assert gateway.dispatching.links_up == 1


async def test_an_idle_stream_makes_room_for_a_new_one() -> None:
    """The newcomer waits, and has the place before the idle one can be back."""
    gateway = Gateway(slots=1)
    async with (
        serving(gateway.streams()) as client,
        client.open() as idle,
    ):
        await idle.write(message(" ", upload_id="idle", offset=0))
        await idle.until(lambda heard: heard.next_offset == 1)
        new = await client.stream([message(" ", upload_id="new", offset=0)])
        assert new.code is grpc.StatusCode.OK
        ended = await idle.ended()
        assert (ended.code, ended.order[-1]) == (grpc.StatusCode.UNAVAILABLE, "draining")
        assert ended.details == "idle, resume when there is something to send"
        assert ended.error is not None
        assert retry_delay_seconds(ended.error)
        assert gateway.shared.memory.used_bytes == 0


async def test_a_stream_is_asked_to_go_on_elsewhere_when_it_is_old() -> None:
    """So clients spread over gateways that were added; what it sent is settled first."""
    gateway = Gateway(slots=2)
    async with serving(gateway.streams(age_seconds=1.0)) as client, client.open() as old:
        await old.write(message(" ", upload_id="old", offset=0))
        ended = await old.ended()
        assert (ended.code, ended.order[-1]) == (grpc.StatusCode.UNAVAILABLE, "draining")
        assert ended.next_offset == 1


async def test_a_stream_with_work_under_way_keeps_its_place() -> None:
    """It may have said nothing for long because its article takes long."""
    gateway = Gateway(slots=1)
    replica = Replica()
    gateway.dispatching.link_up(replica, "instance", Window(10, 1000), 0.0)
    async with (
        serving(gateway.streams(wait_seconds=0.5)) as client,
        client.open() as busy,
    ):
        await busy.write(message("Ada", upload_id="busy", offset=0))
        attempt = await replica.attempts.get()
        refused = await client.stream([message(" ", upload_id="new", offset=0)])
        assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        result = Result(id=attempt.attempt_id, entities=ArticleEntities())
        now = asyncio.get_running_loop().time()
        gateway.dispatching.answered(replica, [result], "model 1", now)
        await busy.half_close()
        ended = await busy.ended()
        assert (ended.code, ended.next_offset) == (grpc.StatusCode.OK, 1)
        assert "draining" not in ended.order
