"""The door before a real server's methods: nothing of a rejected call is decoded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from newstally_gateway.calling import caller
from newstally_gateway.clients.door import HEARD_OUT, Door
from newstally_gateway.clients.keys_file import KeysFile
from newstally_gateway.metrics import Metrics
from newstally_protos.keys import Key, digest_of, new_key_id, new_secret, write_keys
from newstally_protos.wire import SERVER_OPTIONS
from prometheus_client import CollectorRegistry

STREAM = "/newstally.v1.GatewayService/StreamArticles"
LIST = "/newstally.v1.TallyService/ListPublications"
HEALTH = "/grpc.health.v1.Health/Check"
SECRETS = {name: new_secret() for name in ("writer", "reader")}
KEYS = {
    name: Key(new_key_id(), name, digest_of(SECRETS[name]), frozenset({scope}))
    for name, scope in (("writer", "write"), ("reader", "read"))
}


def shown(name: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {KEYS[name].id}.{SECRETS[name]}"),)


class Server:
    """Answers every call with its caller's owner, and keeps what it decoded."""

    def __init__(self) -> None:
        self.decoded: list[bytes] = []
        self.port = 0

    async def _one(self, _request: bytes, _context: Any) -> bytes:
        return caller().owner.encode()

    async def _many(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for _ in requests:
            yield caller().owner.encode()

    def handlers(self) -> Iterable[tuple[str, "grpc.RpcMethodHandler[Any, Any]"]]:
        yield STREAM, grpc.stream_stream_rpc_method_handler(self._many, self._decode)
        for method in (LIST, HEALTH):
            yield method, grpc.unary_unary_rpc_method_handler(self._one, self._decode)

    def _decode(self, data: bytes) -> bytes:
        self.decoded.append(data)
        return data

    @asynccontextmanager
    async def serving(self, keys: Path | None) -> AsyncIterator[grpc.aio.Channel]:
        file = None if keys is None else KeysFile(keys)
        door = Door(file, ["grpc.health.v1.Health"], Metrics(CollectorRegistry()))
        server = grpc.aio.server(interceptors=[door], options=SERVER_OPTIONS)
        for method, handler in self.handlers():
            _, service, name = method.split("/")
            generic = grpc.method_handlers_generic_handler(service, {name: handler})
            server.add_generic_rpc_handlers((generic,))
        self.port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{self.port}") as channel:
                yield channel
        finally:
            await server.stop(0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_bytes(write_keys(KEYS.values()))
    return path


def unary(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.unary_unary(method)


def streaming(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.stream_stream(method)()


async def call(channel: grpc.aio.Channel, method: str, metadata: Any = ()) -> str:
    """Return the owner that the method saw, or the status."""
    try:
        answer: bytes = await unary(channel, method)(b"x", metadata=metadata, timeout=60)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return answer.decode()


async def test_without_keys_everybody_is_anonymous(tmp_path: Path) -> None:
    """Also who shows a key, or says to be somebody."""
    async with Server().serving(None) as channel:
        assert await call(channel, LIST) == "anonymous"
        assert await call(channel, LIST, shown("reader")) == "anonymous"
        assert await call(channel, LIST, (("newstally-owner", "reader"),)) == "anonymous"


async def test_with_keys_the_key_says_who_calls(keys: Path) -> None:
    """Beside each other, each call has its own caller; a forged owner is nothing."""
    async with Server().serving(keys) as channel:
        forged = (("newstally-owner", "writer"),)
        answers = await asyncio.gather(
            *(
                call(channel, LIST, metadata)
                for metadata in [shown("reader"), (*shown("reader"), *forged), forged, ()] * 10
            )
        )
        assert answers == ["reader", "reader", "UNAUTHENTICATED", "UNAUTHENTICATED"] * 10
        assert await call(channel, LIST, shown("writer")) == "PERMISSION_DENIED"
        assert await call(channel, "/made.up/Method", shown("writer")) == "PERMISSION_DENIED"
        assert await call(channel, "/made.up/Method") == "UNAUTHENTICATED"
        assert await call(channel, HEALTH) == "anonymous"


async def test_nothing_of_a_rejected_call_is_decoded(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a client that goes on writing hears its status all the same, not INTERNAL."""
    for patience in ("QUIET_SECONDS", "WRITING_SECONDS"):  # on a slow machine it is silent long
        monkeypatch.setattr(f"newstally_gateway.clients.door.{patience}", 60.0)
    server = Server()
    async with server.serving(keys) as channel:
        assert await call(channel, LIST) == "UNAUTHENTICATED"
        stream = streaming(channel, STREAM)
        for _ in range(50):
            await stream.write(b"x" * 10_000)
        await stream.done_writing()
        assert await stream.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "newstally" in await stream.details()
        assert server.decoded == []


async def test_a_flood_of_rejected_calls_takes_no_more_than_its_places(keys: Path) -> None:
    """Silent ones are not waited for beyond the places; who has a key goes on meanwhile."""
    async with Server().serving(keys) as channel:
        flood = [streaming(channel, STREAM) for _ in range(2 * HEARD_OUT)]
        for stream in flood:
            # Some are told before it comes to them.
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await stream.write(b"x")
        assert await call(channel, LIST, shown("reader")) == "reader"
        codes = await asyncio.gather(*(stream.code() for stream in flood))
        assert set(codes) <= {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.INTERNAL}
        assert codes.count(grpc.StatusCode.UNAUTHENTICATED) >= HEARD_OUT


async def test_what_is_said_is_nothing_that_came(keys: Path) -> None:
    """No part of a key comes back, or is logged."""
    secret = "verysecretthing"
    async with Server().serving(keys) as channel:
        bad = (("authorization", f"Bearer {KEYS['reader'].id}.{secret}"),)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await unary(channel, LIST)(b"", metadata=bad)
        said = f"{caught.value.details()} {caught.value.trailing_metadata()}"
        assert secret not in said
        assert KEYS["reader"].id not in said
