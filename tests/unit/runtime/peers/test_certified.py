"""Which peers of an authority may call: those of the right name, and nobody else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from newstally.certificates.authority import Authority, Issued
from newstally_protos.v1 import journal_pb2 as pb
from newstally_protos.v1 import journal_pb2_grpc as pb_grpc
from newstally_protos.wire import connect
from newstally_runtime.peers.certified import Certified
from newstally_runtime.peers.gate import CallLimits, Gate
from newstally_runtime.peers.health import Health
from support.certificates import valid

AUTHORITY = Authority.new(datetime.now(UTC))
SERVER = valid(AUTHORITY, ["persister"])
OWN = "newstally.v1.JournalService"


class Journal(pb_grpc.JournalServiceServicer):
    def __init__(self) -> None:
        self.calls = 0

    async def RecordBatch(
        self, request: pb.RecordBatchRequest, context: Any
    ) -> pb.RecordBatchResponse:
        self.calls += 1
        return pb.RecordBatchResponse()

    async def ShareLimits(
        self, request: pb.ShareLimitsRequest, context: Any
    ) -> pb.ShareLimitsResponse:
        self.calls += 1
        return pb.ShareLimitsResponse()


@asynccontextmanager
async def serving(certified: Certified, journal: Journal) -> AsyncIterator[tuple[str, str]]:
    """A server behind the gate; gives the port that asks for certificates, and a plain one."""
    gate = Gate(CallLimits(4, 5.0))
    server = grpc.aio.server(interceptors=[certified, gate])
    pb_grpc.add_JournalServiceServicer_to_server(journal, server)
    health_pb2_grpc.add_HealthServicer_to_server(Health(), server)
    credentials = grpc.ssl_server_credentials(
        [(SERVER.key, SERVER.chain)], AUTHORITY.certificate, require_client_auth=True
    )
    ports = [
        server.add_secure_port("127.0.0.1:0", credentials),
        server.add_insecure_port("127.0.0.1:0"),
    ]
    await server.start()
    try:
        yield f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}"
    finally:
        await server.stop(0)


def showing(issued: Issued) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(AUTHORITY.certificate, issued.key, issued.chain)


async def record(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    async with connect(target, credentials, "persister") as channel:
        try:
            await pb_grpc.JournalServiceStub(channel).RecordBatch(
                pb.RecordBatchRequest(), timeout=60
            )
        except grpc.aio.AioRpcError as error:
            return error.code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["gateway"], grpc.StatusCode.OK),
        (["10.0.0.1", "gateway"], grpc.StatusCode.OK),
        (["spiffe://news/gateway"], grpc.StatusCode.OK),
        (["extractor"], grpc.StatusCode.UNAVAILABLE),
        (["gateway.evil"], grpc.StatusCode.UNAVAILABLE),
        (["*.gateway"], grpc.StatusCode.UNAVAILABLE),
        (["GATEWAY"], grpc.StatusCode.UNAVAILABLE),
        (["127.0.0.1"], grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_only_the_exact_name_may_call(names: Sequence[str], code: grpc.StatusCode) -> None:
    """A DNS name or URI of the certificate, sign for sign; the handler is not reached otherwise."""
    journal = Journal()
    certified = Certified(["gateway", "spiffe://news/gateway"])
    async with serving(certified, journal) as (target, _):
        assert await record(target, showing(valid(AUTHORITY, names))) is code
    assert journal.calls == (code is grpc.StatusCode.OK)


async def test_a_service_may_have_callers_of_its_own() -> None:
    """Those of another service's list may not call it."""
    mine = showing(valid(AUTHORITY, ["persister"]))
    for more, code in (
        ({OWN: ["persister"]}, grpc.StatusCode.OK),
        ({"another.Service": ["persister"]}, grpc.StatusCode.UNAVAILABLE),
    ):
        async with serving(Certified(["gateway"], more), Journal()) as (target, _):
            assert await record(target, mine) is code


async def test_a_plain_port_asks_nobody() -> None:
    """As before certificates: it is open while installations change over."""
    async with serving(Certified(["gateway"]), Journal()) as (_, plain):
        assert await record(plain, None) is grpc.StatusCode.OK


async def test_a_request_of_a_stranger_is_not_decoded() -> None:
    """What it sends cannot even be junk."""
    stranger = showing(valid(AUTHORITY, ["extractor"]))
    async with (
        serving(Certified(["gateway"]), Journal()) as (target, _),
        connect(target, stranger, "persister") as channel,
    ):
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/newstally.v1.JournalService/RecordBatch"
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"\xff" * 100, timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "only gateway may call here" in (caught.value.details() or "")
