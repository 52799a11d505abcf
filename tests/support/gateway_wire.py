"""The gateway's process between a reference persister and reference extractors, and its clients."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from newstally_protos.v1 import (
    article_pb2,
    gateway_pb2,
    gateway_pb2_grpc,
    tally_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from newstally_protos.wire import connect
from support.processes import Process
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister

WAIT_SECONDS = 90.0
"""Longest wait for anything; a test that needs it has failed, however busy the machine is."""


def article(content: str, publication: str = "The Paper", article_id: str = "") -> Any:
    """An article."""
    return article_pb2.Article(publication=publication, content=content, article_id=article_id)


def message(content: str = "Ada met Bob", **fields: Any) -> gateway_pb2.StreamArticlesRequest:
    """A message with an article of that content."""
    return gateway_pb2.StreamArticlesRequest(article=article(content), **fields)


def contents_of(count: int) -> list[str]:
    """Contents that differ, with two entities each."""
    return [f"Ada met Bob{n}" for n in range(count)]


def messages(contents: Iterable[str], upload_id: str, first: int = 0) -> list[Any]:
    """One message per content, numbered from `first`; only the first one says so."""
    made = [message(content) for content in contents]
    made[0].upload_id = upload_id
    made[0].offset = first
    return made


@dataclass
class Heard:
    """All that a client heard on one stream."""

    order: list[str] = field(default_factory=list)
    """The kinds of the events."""
    progress: list[upload_pb2.Upload] = field(default_factory=list)
    refusals: list[article_pb2.Refusal] = field(default_factory=list)
    upload_id: str = ""
    """From the initial metadata."""
    code: grpc.StatusCode | None = None
    details: str = ""
    error: grpc.aio.AioRpcError | None = None

    @property
    def next_offset(self) -> int:
        """What was acknowledged."""
        return max((upload.next_offset for upload in self.progress), default=-1)


class Stream:
    """One StreamArticles call whose events are read as they come."""

    def __init__(
        self,
        stub: "gateway_pb2_grpc.GatewayServiceAsyncStub | _BytesStub",
        requests: AsyncIterator[Any] | None = None,
    ) -> None:
        self.heard = Heard()
        self._call = stub.StreamArticles(requests) if requests else stub.StreamArticles()
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    async def write(self, *requests: gateway_pb2.StreamArticlesRequest) -> None:
        """Send messages."""
        for request in requests:
            await self._call.write(request)

    async def half_close(self) -> None:
        """Say that nothing more comes."""
        await self._call.done_writing()

    def cancel(self) -> None:
        """Cancel the call, as a client that lost interest does."""
        self._call.cancel()

    async def until(
        self, condition: Callable[[Heard], object], seconds: float = WAIT_SECONDS
    ) -> Heard:
        """Return once what was heard meets the condition."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: condition(self.heard))
        return self.heard

    async def ended(self, seconds: float = WAIT_SECONDS) -> Heard:
        """Return what was heard when the stream has ended."""
        return await self.until(lambda heard: heard.code is not None, seconds)

    async def close(self) -> None:
        """Cancel it if it runs, and stop reading."""
        self._call.cancel()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _read(self) -> None:
        heard = self.heard
        try:
            for key, value in await self._call.initial_metadata():
                if key == "newstally-upload-id":
                    heard.upload_id = str(value)
            async for response in self._call:
                kind = response.WhichOneof("event")
                heard.order.append(kind or "")
                if kind == "progress":
                    heard.progress.append(response.progress.upload)
                elif kind == "refusal":
                    heard.refusals.append(response.refusal)
                await self._notify()
        except grpc.aio.AioRpcError as error:
            heard.error = error
        heard.details = await self._call.details()
        heard.code = await self._call.code()
        await self._notify()

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


class _BytesStub:
    """StreamArticles of a client that serialises its messages itself."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.StreamArticles: Any = channel.stream_stream(
            "/newstally.v1.GatewayService/StreamArticles",
            request_serializer=bytes,
            response_deserializer=gateway_pb2.StreamArticlesResponse.FromString,
        )


class Client:
    """A client of one gateway over a channel of its own."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.gateway = gateway_pb2_grpc.GatewayServiceStub(channel)
        self._bytes = _BytesStub(channel)
        self.uploads = upload_pb2_grpc.UploadServiceStub(channel)
        self.tallies = tally_pb2_grpc.TallyServiceStub(channel)

    def open(self) -> Stream:
        """Open a stream to write to."""
        return Stream(self.gateway)

    async def stream(
        self, requests: Sequence[gateway_pb2.StreamArticlesRequest], *, by_writing: bool = False
    ) -> Heard:
        """Send all, half-close, and return what was heard when the stream has ended.

        The two ways in which a grpc.aio client can send: an iterator (default), or write(). The
        latter sees INTERNAL when its stream ends while it writes.
        """
        if not by_writing:
            async with Stream(self.gateway, _each(requests)) as stream:
                return await stream.ended()
        async with self.open() as stream:
            try:
                await stream.write(*requests)
                await stream.half_close()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                pass  # it has ended; why is in what was heard
            return await stream.ended()

    async def stream_bytes(self, *requests: bytes) -> Heard:
        """Send messages as they are, half-close, and return what was heard in the end."""
        async with Stream(self._bytes, _each(requests)) as stream:
            return await stream.ended()

    async def upload(self, *requests: gateway_pb2.UploadArticlesRequest) -> Any:
        """Call UploadArticles with these messages."""
        async with asyncio.timeout(WAIT_SECONDS):
            return await self.gateway.UploadArticles(_each(requests))


async def _each(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


@asynccontextmanager
async def client_of(process: Process) -> AsyncIterator[Client]:
    """A client of a running gateway."""
    async with connect(process.address) as channel:
        yield Client(channel)


@asynccontextmanager
async def gateway_process(
    directory: Path,
    persister: ReferencePersister,
    extractors: Sequence[ReferenceExtractor],
    *flags: str,
    name: str = "gateway",
) -> AsyncIterator[Process]:
    """A real gateway process on free ports."""
    process = Process(
        "newstally_gateway",
        [
            *("--persister", persister.address),
            *("--extractors", ",".join(e.address for e in extractors) or "127.0.0.1:1"),
            *flags,
        ],
        directory / f"{name}.log",
    )
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        await asyncio.to_thread(process.kill)


@asynccontextmanager
async def gateway_client(
    directory: Path,
    persister: ReferencePersister,
    extractors: Sequence[ReferenceExtractor],
    *flags: str,
) -> AsyncIterator[Client]:
    """A client of a gateway process made for it."""
    async with (
        gateway_process(directory, persister, extractors, *flags) as process,
        client_of(process) as client,
    ):
        yield client


async def until_metric(process: Process, name: str, condition: Callable[[float], object]) -> float:
    """Return a metric of the gateway once it meets the condition."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            value = await asyncio.to_thread(process.metric, f"newstally_gateway_{name}")
            if condition(value):
                return value
            await asyncio.sleep(0.02)


async def until_readiness(process: Process, ready: bool) -> dict[str, Any]:
    """Return what /readyz shows once it says so."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            state = json.loads(await asyncio.to_thread(process.admin, "/readyz"))
            if state["ready"] is ready:
                return dict(state)
            await asyncio.sleep(0.05)


async def eventually(condition: Callable[[], object], what: str) -> None:
    """Return once the condition holds; fail when it does not."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"never: {what}")
        await asyncio.sleep(0.02)
