"""What both ends of a connection agree on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from newstally_protos.wire import (
    CHANNEL_OPTIONS,
    SERVER_OPTIONS,
    connect,
    retry_delay_seconds,
    told_break,
)
from newstally_runtime import status


def failure(*metadata: tuple[str, bytes | str]) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata(*metadata)
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), trailing, "why")


def details(seconds: float) -> bytes:
    data: bytes = status.wait(seconds, "w").to_status().SerializeToString()
    return data


def test_pings_are_never_too_many_for_a_server() -> None:
    """Keepalive has to fit on both sides: what pings too often is answered with GOAWAY."""
    for options in (CHANNEL_OPTIONS, SERVER_OPTIONS):
        every = dict(options)["grpc.keepalive_time_ms"]
        assert every > dict(SERVER_OPTIONS)["grpc.http2.min_recv_ping_interval_without_data_ms"]


@pytest.mark.parametrize(("sent", "read"), [(1.5, 1.5), (0.0, 0.0), (-2.0, 0.0)])
def test_the_delay_of_retry_info_is_read(sent: float, read: float) -> None:
    """As text or as bytes; nobody is asked to come back in the past."""
    for value in (details(sent), details(sent).decode("latin-1")):
        assert retry_delay_seconds(failure(("grpc-status-details-bin", value))) == read


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"", status.invalid("f", "m").to_status()])
def test_other_details_ask_for_no_delay(data: object) -> None:
    """What is no google.rpc.Status, or one without RetryInfo, changes nothing."""
    value = data if isinstance(data, bytes) else data.SerializeToString()  # type: ignore[attr-defined]
    assert retry_delay_seconds(failure(("grpc-status-details-bin", value))) is None
    assert retry_delay_seconds(failure(("other", b"x"))) is None
    assert retry_delay_seconds(failure()) is None


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""How HTTP/2 begins on the side of a server."""


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak HTTP/2 until a call comes, and break off."""
    writer.write(SETTINGS)
    while (data := await reader.read(4096)) and b"/a/b" not in data:
        pass


def call(channel: grpc.aio.Channel) -> Any:
    return channel.unary_unary("/a/b")


@contextlib.asynccontextmanager
async def listening(handler: Handler | None) -> AsyncIterator[str]:
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            await (handler or hang_up)(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    if handler is None:
        server.close()
    yield f"{host}:{port}"
    server.close()
    # Their peers are gone, so they end.
    await asyncio.gather(*(task for task in serving if task is not None))


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (None, "nothing listens there"),
        (hang_up, "the connection broke off"),
    ],
)
async def test_what_grpc_says_of_a_connection_is_told_in_plain_words(
    handler: Handler | None, told: str
) -> None:
    """As gRPC words it in this version: another may word it otherwise."""
    async with listening(handler) as target, connect(target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(channel)(b"", timeout=60)
    assert told_break(caught.value) == told


async def test_an_answer_that_does_not_come_is_told_in_plain_words() -> None:
    """The deadline is the caller's own."""

    async def answer(_request: bytes, _context: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    never: Any = grpc.unary_unary_rpc_method_handler(answer)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a", {"b": never}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with connect(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(channel)(b"", timeout=0.5)
    await server.stop(None)
    assert told_break(caught.value) == "it does not answer in time"


async def test_a_name_that_is_not_resolved_is_told_in_plain_words() -> None:
    """It is the client's own gRPC that says so."""
    async with connect("no-such-host.invalid:50051") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(channel)(b"", timeout=60)
    assert told_break(caught.value) == "its name is not resolved"


async def test_no_proxy_hears_what_is_said_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment names: a key may go to this machine because it stays there."""
    heard = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))

    for name in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with listening(hear) as proxy, listening(None) as target:
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        async with connect(target) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call(channel)(b"", timeout=60)
    assert told_break(caught.value) == "nothing listens there"
    assert heard == []


@pytest.mark.parametrize(
    ("code", "details"),
    [
        (grpc.StatusCode.UNAVAILABLE, "draining, resume elsewhere"),
        (grpc.StatusCode.UNAVAILABLE, "the persister is ending"),
        (grpc.StatusCode.INVALID_ARGUMENT, "upload_id: Socket closed is none"),
    ],
)
def test_what_a_peer_says_stays_as_it_is(code: grpc.StatusCode, details: str) -> None:
    """Its words are plain, and say more."""
    none = grpc.aio.Metadata()
    assert told_break(grpc.aio.AioRpcError(code, none, none, details)) is None
