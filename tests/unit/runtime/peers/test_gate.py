"""What callers may take of a server, and how they are told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import grpc
import pytest
from attacks.calls import CANCEL, whole
from attacks.wire import END_STREAM, RST_STREAM, ClosedError, Connection, frame, message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from newstally_protos.v1 import extractor_pb2, extractor_pb2_grpc, upload_pb2, upload_pb2_grpc
from newstally_protos.wire import retry_delay_seconds
from newstally_runtime.peers.gate import (
    LEAST_PEER_PLACES,
    TURN_SECONDS,
    WAITING_PER_TURN,
    CallLimits,
    Gate,
)
from newstally_runtime.peers.health import Health
from newstally_runtime.peers.ports import PortLimits, server_options
from newstally_runtime.peers.reflecting import NEW, OLD, reflect
from structlog.testing import capture_logs

Call = grpc.aio.UnaryUnaryCall[Any, Any]
UPLOADS = "/newstally.v1.UploadService/"


class Uploads(upload_pb2_grpc.UploadServiceServicer):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.answered: list[str] = []
        self.gate: Gate | None = None

    @property
    def waiting(self) -> int:
        """How many of its calls wait for their turn."""
        assert self.gate is not None
        service = self.gate._services.get(UPLOADS.strip("/"))
        return 0 if service is None else service._turns.waiting

    async def CreateUpload(self, request: Any, context: Any) -> upload_pb2.CreateUploadResponse:
        return upload_pb2.CreateUploadResponse()

    async def GetUpload(self, request: Any, context: Any) -> upload_pb2.GetUploadResponse:
        await self.open.wait()
        self.answered.append(request.upload_id)
        return upload_pb2.GetUploadResponse()

    async def ListRefusals(self, request: Any, context: Any) -> upload_pb2.ListRefusalsResponse:
        return upload_pb2.ListRefusalsResponse(next_page_token="x" * 3_000_000)

    async def ListUploads(self, request: Any, context: Any) -> upload_pb2.ListUploadsResponse:
        return upload_pb2.ListUploadsResponse()

    async def AssignUpload(self, request: Any, context: Any) -> upload_pb2.AssignUploadResponse:
        return upload_pb2.AssignUploadResponse()


class Extractor(extractor_pb2_grpc.ExtractorServiceServicer):
    """Echoes."""

    async def Extract(self, requests: Any, context: Any) -> AsyncIterator[Any]:
        async for _ in requests:
            yield extractor_pb2.ExtractResponse()


@asynccontextmanager
async def serving(
    calls: int = 4,
    seconds: float = 20.0,
    host: str = "127.0.0.1",
    before: Sequence[grpc.aio.ServerInterceptor] = (),
    calls_per_connection: int = 10_000,
) -> AsyncIterator[tuple[Uploads, str]]:
    gate = Gate(CallLimits(calls, seconds))
    limits = PortLimits(100, calls_per_connection, idle_seconds=300)
    server = grpc.aio.server(interceptors=[*before, gate], options=server_options(limits))
    uploads, health = Uploads(), Health()
    uploads.gate = gate
    upload_pb2_grpc.add_UploadServiceServicer_to_server(uploads, server)
    extractor_pb2_grpc.add_ExtractorServiceServicer_to_server(Extractor(), server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    health.show(["here"], serving=True)
    reflect(["here"], server)
    port = server.add_insecure_port(f"{host}:0")
    gate.ports = [port]
    await server.start()
    try:
        async with asyncio.timeout(60):
            yield uploads, f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def connected(target: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        yield channel


def get(channel: grpc.aio.Channel, upload_id: str = "") -> Call:
    request = upload_pb2.GetUploadRequest(upload_id=upload_id)
    return upload_pb2_grpc.UploadServiceStub(channel).GetUpload(request)


def raw(channel: grpc.aio.Channel) -> Any:
    """The channel, to send bytes on."""
    return channel


def health(channel: grpc.aio.Channel) -> Any:
    """The stub, which has no types."""
    return health_pb2_grpc.HealthStub(channel)


async def code_of(call: Any) -> grpc.StatusCode:
    """Return what a call ended with."""
    return await call.code()  # type: ignore[no-any-return]


async def answer_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    """Return what a call ended with whose time was not over because this process stood still."""
    while (code := await code_of(get(channel))) is grpc.StatusCode.DEADLINE_EXCEEDED:
        pass
    return code


async def test_what_cannot_be_decoded_is_the_callers_fault() -> None:
    """INVALID_ARGUMENT each time, one short line for all of them, and no traceback."""
    async with serving() as (_, target), connected(target) as channel:
        with capture_logs() as logs:
            for _ in range(3):
                call = raw(channel).unary_unary(UPLOADS + "GetUpload")(b"\xff\xff")
                assert await code_of(call) is grpc.StatusCode.INVALID_ARGUMENT
                assert await call.details() == "message: cannot be decoded"
            stream = raw(channel).stream_stream("/newstally.v1.ExtractorService/Extract")()
            await stream.write(b"\xff\xff")
            assert await code_of(stream) is grpc.StatusCode.INVALID_ARGUMENT
        assert [entry["event"] for entry in logs] == ["request not decodable"]
        assert set(logs[0]) == {"event", "log_level", "times", "method", "bytes"}


async def test_a_call_without_a_message_is_the_callers_fault() -> None:
    async with serving() as (_, target), connected(target) as channel:
        call = raw(channel).stream_unary(UPLOADS + "GetUpload")()
        await call.done_writing()
        assert await code_of(call) is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_that_does_not_come_is_not_waited_for() -> None:
    """Its call has a deadline, of the server's own."""
    async with serving(seconds=0.2) as (_, target), connected(target) as channel:
        call = raw(channel).stream_unary(UPLOADS + "GetUpload")()
        assert await code_of(call) is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await call.details() == "the request did not come"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::]"])
async def test_an_answer_that_is_not_read_is_not_kept(host: str) -> None:
    """Its connection ends, and no other one."""
    async with serving(seconds=2.0, host=host) as (uploads, target), connected(target) as other:
        uploads.open.set()
        assert await answer_of(other) is grpc.StatusCode.OK
        connection = await asyncio.to_thread(Connection, int(target.rpartition(":")[2]))
        try:
            method = (UPLOADS + "ListRefusals").strip("/")
            connection.data(connection.open(method), message(b""), END_STREAM)
            # It reads no more of the answer than the 64 KiB of the first window.
            with pytest.raises(ClosedError):
                await asyncio.to_thread(connection.pump, 30.0)
        finally:
            connection.close()
        assert other.get_state() is grpc.ChannelConnectivity.READY
        assert await answer_of(other) is grpc.StatusCode.OK


async def test_calls_that_are_never_sent_lock_nobody_out() -> None:
    """The caller that has most of them loses its oldest one to a newcomer."""
    async with serving(calls=4) as (uploads, target):
        uploads.open.set()
        async with connected(target) as greedy, connected(target) as honest:
            idle = [raw(greedy).stream_unary(UPLOADS + "GetUpload")() for _ in range(40)]
            codes = asyncio.as_completed([code_of(call) for call in idle])
            for _ in range(40 - LEAST_PEER_PLACES):
                assert await next(codes) is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert await code_of(get(honest)) is grpc.StatusCode.OK
            for call in idle:
                call.cancel()


async def test_connections_take_turns() -> None:
    """One call of one client is not behind all calls of another one."""
    async with serving(calls=1) as (uploads, target):
        async with connected(target) as greedy, connected(target) as honest:
            many = [get(greedy, f"greedy {number}") for number in range(20)]
            calls = [asyncio.ensure_future(code_of(call)) for call in many]
            await until_waiting(target, uploads, 19)
            mine = asyncio.ensure_future(code_of(get(honest, "mine")))
            await until_waiting(target, uploads, 20)
            uploads.open.set()
            assert set(await asyncio.gather(mine, *calls)) == {grpc.StatusCode.OK}
        assert uploads.answered.index("mine") <= 2


async def until_waiting(target: str, uploads: Uploads, calls: int) -> None:
    """Return when so many calls wait for their turn; `serving` bounds how long that may take."""
    async with connected(target) as channel:
        while uploads.waiting < calls:
            await health(channel).Check(health_pb2.HealthCheckRequest())


async def test_too_many_calls_are_told_when_to_come_again() -> None:
    """Overload is RESOURCE_EXHAUSTED with RetryInfo."""
    async with serving(calls=1) as (uploads, target), connected(target) as channel:
        calls = [get(channel) for _ in range(WAITING_PER_TURN + 20)]
        done = await next(asyncio.as_completed([_failure(call) for call in calls]))
        assert done is not None
        assert done.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_delay_seconds(done) == 1.0
        uploads.open.set()
        ended = asyncio.as_completed([_failure(call) for call in calls])
        assert None in [await each for each in islice(ended, 40)], "others are answered"
        for call in calls:
            call.cancel()


async def _failure(call: Call) -> grpc.aio.AioRpcError | None:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_health_is_asked_for_apart() -> None:
    """While all places of other services are taken."""
    async with serving(calls=1) as (_, target), connected(target) as channel:
        calls = [get(channel) for _ in range(40)]
        stub = health(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="here"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        unknown = stub.Check(health_pb2.HealthCheckRequest(service="gone"))
        assert await code_of(unknown) is grpc.StatusCode.NOT_FOUND
        watched = stub.Watch(health_pb2.HealthCheckRequest())
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        watched.cancel()
        for call in calls:
            call.cancel()


@pytest.mark.parametrize("package", [OLD, NEW])
async def test_both_names_of_reflection_answer(package: str) -> None:
    """Older tools ask for v1alpha, newer ones for v1; each is also described."""
    from grpc_reflection.v1alpha import reflection_pb2 as pb

    async with serving() as (_, target), connected(target) as channel:
        method = channel.stream_stream(
            f"/{package}.ServerReflection/ServerReflectionInfo",
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )
        call = method()
        await call.write(pb.ServerReflectionRequest(list_services=""))
        listed: Any = await call.read()
        assert {service.name for service in listed.list_services_response.service} == {
            "here",
            f"{OLD}.ServerReflection",
            f"{NEW}.ServerReflection",
        }
        symbol = f"{package}.ServerReflection"
        await call.write(pb.ServerReflectionRequest(file_containing_symbol=symbol))
        described: Any = await call.read()
        assert described.file_descriptor_response.file_descriptor_proto
        call.cancel()


class Counting(grpc.aio.ServerInterceptor):
    """Counts the calls that reach the server."""

    def __init__(self) -> None:
        self.calls = 0

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self.calls += 1
        return await continuation(handler_call_details)


async def test_who_cancels_every_call_fills_its_own_connection() -> None:
    """Thousands are turned away by gRPC itself; others are answered meanwhile."""
    counting = Counting()
    async with (
        serving(before=[counting], calls_per_connection=100) as (_, target),
        connected(target) as channel,
    ):

        def flood() -> None:
            connection = Connection(int(target.rpartition(":")[2]))
            for _ in range(100):
                out = b""
                for _ in range(50):
                    out += whole(connection, UPLOADS.strip("/") + "/ListRefusals", b"")
                    out += frame(RST_STREAM, 0, connection.last, CANCEL)
                connection.send(out)
                connection.pump(0.005)
            connection.close()

        flooding = asyncio.create_task(asyncio.to_thread(flood))
        stub = upload_pb2_grpc.UploadServiceStub(channel)
        while not flooding.done():
            await stub.CreateUpload(upload_pb2.CreateUploadRequest(), timeout=60)
            counting.calls -= 1
        await flooding
        # Nearly all, were it not so; the slower the sender, the more of them.
        assert counting.calls < 1_500


async def test_reads_leave_time_for_other_work() -> None:
    """However fast they are answered, each turn has its time."""
    async with serving(calls=2) as (uploads, target), connected(target) as channel:
        uploads.open.set()
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(get(channel) for _ in range(12)))
        assert asyncio.get_running_loop().time() - began >= 5 * TURN_SECONDS
