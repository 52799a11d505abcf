"""Stands between a client of Firestore and the emulator, and does to the calls what networks do.

client ──TCP──▶ link (cuts connections) ──▶ gRPC server (faults per call) ──▶ emulator
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.firestore_v1.types import firestore as firestore_types

SERVICE = "/google.firestore.v1.Firestore/"
COMMIT = "Commit"
_STREAMING = {"BatchGetDocuments", "RunQuery"}
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PASSED_ON = ("authorization", "google-cloud-resource-prefix", "x-goog-request-params")
UPSTREAM_SECONDS = 60.0


class What(Enum):
    """What happens to a call."""

    PASS = auto()
    REFUSE = auto()
    """It is answered with the code, and not applied."""
    APPLY_AND_REFUSE = auto()
    """It is applied, and answered with the code all the same: the reply is lost."""
    LATE = auto()
    """It is answered with the code, and applied afterwards."""
    STALL = auto()
    """It is neither applied nor answered."""
    APPLY_AND_STALL = auto()
    """It is applied and not answered."""
    CUT = auto()
    """The connection breaks before it is applied."""
    APPLY_AND_CUT = auto()
    """It is applied, and the connection breaks before the answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call."""

    what: What = What.PASS
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE


PASS = Fault()
Plan = Callable[[str, bytes], Fault]
"""Decides by method name ("Commit") and request."""


def commit_of(request: bytes) -> Any:
    """Read a CommitRequest."""
    return firestore_types.CommitRequest.pb().FromString(request)


class FirestoreProxy:
    """Runs in the test's event loop. `plan` may be set at any time."""

    def __init__(self, emulator: str) -> None:
        self.plan: Plan = lambda _method, _request: PASS
        self.chop: Callable[[int], bool] = lambda _size: False
        """Whether to cut the connection in the middle of a piece of so many bytes."""
        self.calls: list[str] = []
        """Method names, in order of arrival."""
        self.writes = 0
        """Writes in all commits that arrived."""
        self.applied: asyncio.Event = asyncio.Event()
        """Set whenever something was applied whose answer is withheld."""
        self._emulator = emulator
        self._forwards: set[asyncio.Task[Any]] = set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """host:port for FIRESTORE_EMULATOR_HOST."""
        host, port = self._link.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def __aenter__(self) -> Self:
        self._upstream = grpc.aio.insecure_channel(self._emulator, options=_OPTIONS)
        self._server = grpc.aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers([_Handlers(self)])
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self._link = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._link.close()
        self.cut()
        await self._server.stop(0)
        await asyncio.gather(*self._pumps, return_exceptions=True)
        await self._link.wait_closed()
        await self.settled()
        await self._upstream.close()

    async def settled(self) -> None:
        """Wait until nothing is on its way to the emulator any more."""
        while self._forwards:
            await asyncio.gather(*self._forwards, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._connections):
            writer.transport.abort()

    def forward(self, method: str, request: bytes, metadata: Any) -> asyncio.Task[bytes]:
        """Pass a unary call on. It goes on also when the client has given up."""
        call: Any = self._upstream.unary_unary(SERVICE + method)

        async def run() -> bytes:
            answer: bytes = await call(request, metadata=metadata, timeout=UPSTREAM_SECONDS)
            return answer

        task = asyncio.create_task(run())
        self._forwards.add(task)
        task.add_done_callback(self._forwards.discard)
        # A failure that nobody waits for is the emulator's answer to a client that went away.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    def stream(self, method: str, request: bytes, metadata: Any) -> Any:
        """Pass a call with many answers on."""
        call: Any = self._upstream.unary_stream(SERVICE + method)
        return call(request, metadata=metadata, timeout=UPSTREAM_SECONDS)

    def decide(self, method: str, request: bytes) -> Fault:
        """Note a call that arrived and return what happens to it."""
        self.calls.append(method)
        if method == COMMIT:
            self.writes += len(commit_of(request).writes)
        return self.plan(method, request)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._connections |= {writer, inner_writer}
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(reader, inner_writer, chopping=True))
                    group.create_task(self._pump(inner_reader, writer, chopping=False))
            finally:
                self._connections -= {writer, inner_writer}
                inner_writer.transport.abort()
        except* OSError:
            pass
        finally:
            writer.transport.abort()
            self._pumps.discard(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, chopping: bool
    ) -> None:
        while piece := await reader.read(64 * 1024):
            if chopping and self.chop(len(piece)):
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                raise ConnectionResetError
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError  # one side has ended: so does the other


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, proxy: FirestoreProxy) -> None:
        self._proxy = proxy

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = details.method.removeprefix(SERVICE)
        metadata = tuple((k, v) for k, v in details.invocation_metadata if k in _PASSED_ON)
        if method in _STREAMING:
            return grpc.unary_stream_rpc_method_handler(self._many(method, metadata))
        return grpc.unary_unary_rpc_method_handler(self._one(method, metadata))

    def _one(self, method: str, metadata: Any) -> Any:
        async def handle(request: bytes, context: Any) -> bytes:
            fault = self._proxy.decide(method, request)
            answer = await self._before(fault, context)
            forward = self._proxy.forward(method, request, metadata)
            if fault.what is What.LATE:
                await context.abort(fault.code, "made up by the test")
            try:
                # Shielded: a client that goes away takes nothing back.
                answer = await asyncio.shield(forward)
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details())
            await self._after(fault, context)
            return answer

        return handle

    def _many(self, method: str, metadata: Any) -> Any:
        async def handle(request: bytes, context: Any) -> AsyncIterator[bytes]:
            fault = self._proxy.decide(method, request)
            await self._before(fault, context)
            try:
                async for answer in self._proxy.stream(method, request, metadata):
                    yield answer
            except grpc.aio.AioRpcError as error:
                await context.abort(error.code(), error.details())
            await self._after(fault, context)

        return handle

    async def _before(self, fault: Fault, context: Any) -> bytes:
        match fault.what:
            case What.REFUSE:
                await context.abort(fault.code, "made up by the test")
            case What.CUT:
                self._proxy.cut()
                await _for_ever()
            case What.STALL:
                await _for_ever()
        return b""

    async def _after(self, fault: Fault, context: Any) -> None:
        if fault.what in (What.APPLY_AND_REFUSE, What.APPLY_AND_CUT, What.APPLY_AND_STALL):
            self._proxy.applied.set()
        match fault.what:
            case What.APPLY_AND_REFUSE:
                await context.abort(fault.code, "made up by the test")
            case What.APPLY_AND_CUT:
                self._proxy.cut()
                await _for_ever()
            case What.APPLY_AND_STALL:
                await _for_ever()


async def _for_ever() -> None:
    """Wait until the client gives up, or the server is stopped."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    raise asyncio.CancelledError
