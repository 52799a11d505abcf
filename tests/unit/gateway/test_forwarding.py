"""The gateway is the door for every method of the persister's public services."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from newstally_gateway.clients.door import Door
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister
from newstally_gateway.persister.forwarding import ForwardedTallies, ForwardedUploads
from newstally_protos.v1 import tally_pb2, upload_pb2
from newstally_protos.v1.tally_pb2_grpc import add_TallyServiceServicer_to_server
from newstally_protos.v1.upload_pb2_grpc import (
    UploadServiceStub,
    add_UploadServiceServicer_to_server,
)
from prometheus_client import CollectorRegistry

METHODS = [
    method
    for file, service in ((upload_pb2, "UploadService"), (tally_pb2, "TallyService"))
    for method in file.DESCRIPTOR.services_by_name[service].methods
]


class Anything(grpc.GenericRpcHandler):
    """Answers every unary call with an empty message, and remembers its method."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method: Any = details.method

        async def answer(_request: bytes, _context: Any) -> bytes:
            self.called.append(method)
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
async def behind() -> AsyncIterator[tuple[Anything, str]]:
    persister = Anything()
    metrics = Metrics(CollectorRegistry())
    server = grpc.aio.server()
    door = grpc.aio.server(interceptors=[Door(None, (), metrics)])
    server.add_generic_rpc_handlers((persister,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stubs = Persister(channel, metrics)
        add_UploadServiceServicer_to_server(ForwardedUploads(stubs), door)
        add_TallyServiceServicer_to_server(ForwardedTallies(stubs), door)
        own = door.add_insecure_port("127.0.0.1:0")
        await door.start()
        yield persister, f"127.0.0.1:{own}"
        await door.stop(None)
        await server.stop(None)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: str(method.name))
async def test_every_method_reaches_the_persister(
    behind: tuple[Anything, str], method: Any
) -> None:
    """A method that is added to the protocol and forgotten here would be UNIMPLEMENTED."""
    persister, target = behind
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with grpc.aio.insecure_channel(target) as channel:
        call: Any = channel.unary_unary(path)
        assert await call(b"") == b""
    assert persister.called == [path]


async def test_a_persister_that_is_away_is_told_in_plain_words() -> None:
    """Without its address, which is nobody's affair."""
    metrics = Metrics(CollectorRegistry())
    door = grpc.aio.server(interceptors=[Door(None, (), metrics)])
    async with grpc.aio.insecure_channel("127.0.0.1:1") as away:
        add_UploadServiceServicer_to_server(ForwardedUploads(Persister(away, metrics)), door)
        port = door.add_insecure_port("127.0.0.1:0")
        await door.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await UploadServiceStub(channel).GetUpload(upload_pb2.GetUploadRequest())
        await door.stop(None)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "the persister does not answer: nothing listens there"
