"""What every call passes on its way in, so that no peer can take more than its share.

A unary call goes through three stages, each with places of its own:

    receiving ──whole──▶ waiting, working ──answer──▶ answering ──read──▶ ended

Receiving and answering wait for the peer, within a deadline; when their places are taken, the peer
with most of them loses its oldest call to the newcomer. A peer that does not read loses its
connection: what waits for it is kept by gRPC until then. In between, peers take turns. Each service
has places of its own: a flood of reads keeps nobody from asking for health.

A unary method is served as a streaming one: only so can the reading of its request be bounded.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from prometheus_client import Counter

from newstally_runtime.peers.decoding import Undecodable, lenient
from newstally_runtime.peers.hangup import hang_up
from newstally_runtime.peers.lingering import Lingering
from newstally_runtime.peers.turns import Crowd, Turns
from newstally_runtime.rare import Rarely
from newstally_runtime.status import StatusError, abort, invalid, wait

COME_AGAIN_SECONDS = 1.0
"""What a caller is asked to wait for whom there is no place."""
LAST_WORD_SECONDS = 1.0
"""What ending a call gets whose peer does not read."""
LEAST_PEER_PLACES = 32
"""Calls that may be received at once, and answered at once, however few are worked on: a peer that
sends and reads as it should needs its place for a moment only."""
WAITING_PER_TURN = 100
"""Calls that may wait for a turn, for each that is worked on."""
TURN_SECONDS = 0.08
"""What a turn takes at least before the next call has it: so reads, however many, leave time for
other work. 32 that are worked on at once are 400 a second."""
STREAMS = 256
"""Streams of a service that may be open at once, if it does not bound them itself."""

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour = Callable[[Any, Any], Any]
Serve = Callable[[AsyncIterator[Any], Context], Awaitable[None]]
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What the calls of one service may take."""

    calls: int
    """Unary calls that are worked on at once; as many may be received, and answered, beside."""
    peer_seconds: float
    """Deadline for a request to be received whole, and again for the answer to be read."""


UNDECODABLE = Counter(
    "newstally_undecodable_requests_total",
    "Requests that were no message of their kind.",
    ["method"],
)
CROWDED = Counter(
    "newstally_crowded_calls_total", "Calls for which there was no place.", ["method"]
)
LATE = Counter(
    "newstally_late_calls_total", "Calls whose peer did not send or read in time.", ["method"]
)


class _Service:
    """The places of one service."""

    def __init__(self, limits: CallLimits) -> None:
        self.limits = limits
        places = max(limits.calls, LEAST_PEER_PLACES)
        self.receiving = Crowd(places)
        self.answering = Crowd(places)
        self.streams = Crowd(STREAMS)
        self.lingering = Lingering(places)
        self._turns = Turns(limits.calls, limits.calls * WAITING_PER_TURN)
        self._waiting: dict[object, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def turn(self, peer: str) -> AsyncIterator[None]:
        """Wait for the peer's turn; keep it for as long as this is entered.

        Raises StatusError when too many wait.
        """
        call = object()
        loop = asyncio.get_running_loop()
        free_at = 0.0
        asked = self._turns.ask(call, peer)
        try:
            if not asked.granted:
                future = loop.create_future()
                self._waiting[call] = future
                if asked.refused is not None and not self._waiting[asked.refused].done():
                    self._waiting[asked.refused].set_exception(_crowded())
                await future
            free_at = loop.time() + TURN_SECONDS
            yield
        finally:
            self._waiting.pop(call, None)
            if loop.time() < free_at:
                loop.call_at(free_at, self._done, call)
            else:
                self._done(call)

    def _done(self, call: object) -> None:
        for following in self._turns.done(call):
            future = self._waiting.pop(following)
            if not future.done():  # cancelled: it passes its turn on in a moment
                future.set_result(None)


def service_of(method: str) -> str:
    """Return the service of a method's path, "/package.Service/Method"; "" where it names none.

    A path is what the caller makes it.
    """
    return method.partition("/")[2].partition("/")[0]


class Gate(grpc.aio.ServerInterceptor):
    """Bounds the calls of a server, and answers requests that cannot be decoded."""

    def __init__(self, limits: CallLimits, apart: Collection[str] = ()) -> None:
        """`apart` names services that bound and decode their calls themselves."""
        self.ports: Collection[int] = ()
        """The ports of the server, once it has them."""
        self._limits = limits
        self._apart = apart
        self._undecodable = Rarely("request not decodable")
        self._hung_up = Rarely("peer does not read, hung up")
        self._services: dict[str, _Service] = {}
        self._handlers: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Return the method's handler behind the gate; None for a method that is not there."""
        method = str(handler_call_details.method)
        known = self._handlers.get(method)
        if known is not None:
            return known
        handler: Handler | None = await continuation(handler_call_details)
        if handler is None:
            return None
        name = service_of(method)
        if name in self._apart:
            return handler
        service = self._services.setdefault(name, _Service(self._limits))
        # Only methods that exist are kept, so that made-up names take no memory.
        made = self._handlers[method] = self._guarded(_Method(method, service, self), handler)
        return made

    def hang_up(self, peer: str) -> None:
        """End the connection of a peer that does not read: nothing else frees what waits for it."""
        self._hung_up.note(peer=peer)
        hang_up(peer, self.ports)

    def _guarded(self, method: "_Method", handler: Handler) -> Handler:
        if handler.unary_unary is not None:
            serve = method.unary(handler.unary_unary)
        elif handler.unary_stream is not None:
            serve = method.stream(handler.unary_stream, one_request=True)
        elif handler.stream_stream is not None:
            serve = method.stream(handler.stream_stream, one_request=False)
        else:
            raise TypeError(f"{method.name}: no places are made for calls of this shape")
        return grpc.stream_stream_rpc_method_handler(
            serve,
            request_deserializer=lenient(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def undecodable(self, method: str, request: Undecodable) -> StatusError:
        """Count and return what answers a request that cannot be decoded."""
        UNDECODABLE.labels(method).inc()
        self._undecodable.note(method=method, bytes=request.size_bytes)
        return invalid("message", "cannot be decoded")

    def crowded(self, method: str) -> StatusError:
        """Count and return what answers a call that had to leave."""
        CROWDED.labels(method).inc()
        return _crowded()

    def late(self, method: str, what: str) -> StatusError:
        """Count and return what answers a call whose peer was too slow."""
        LATE.labels(method).inc()
        return StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, what)


class _Method:
    """Serves one method's calls in the places of its service."""

    def __init__(self, name: str, service: _Service, gate: Gate) -> None:
        self.name = name
        self._service = service
        self._gate = gate

    def unary(self, behaviour: Behaviour) -> Serve:
        """Return a handler of single requests with single answers."""
        service = self._service

        async def serve(requests: AsyncIterator[Any], context: Context) -> None:
            seconds, peer = service.limits.peer_seconds, context.peer()
            try:
                async with self._place(
                    service.receiving, peer, seconds, "the request did not come"
                ):
                    request = await self._first(requests)
                async with service.turn(peer):
                    response = await behaviour(request, context)
                try:
                    async with self._place(service.answering, peer, seconds, "not read"):
                        await context.write(response)
                except StatusError:
                    self._gate.hang_up(peer)
                    raise asyncio.CancelledError from None  # nobody reads a status
            except StatusError as error:
                await service.lingering.linger(peer)
                await abort(context, error)

        return service.lingering.cancelled(serve)

    def stream(self, behaviour: Behaviour, *, one_request: bool) -> Serve:
        """Return a handler whose answers are a stream."""
        service = self._service

        async def serve(requests: AsyncIterator[Any], context: Context) -> None:
            seconds, peer = service.limits.peer_seconds, context.peer()
            try:
                async with self._place(service.streams, peer, None, ""):
                    request: Any = self._decoded(requests)
                    if one_request:
                        async with asyncio.timeout(seconds):
                            request = await self._first(requests)
                    async with aclosing(behaviour(request, context)) as responses:
                        async for response in responses:
                            await context.write(response)
            except StatusError as error:
                await service.lingering.linger(peer)
                try:
                    async with asyncio.timeout(LAST_WORD_SECONDS):
                        await abort(context, error)
                except (TimeoutError, grpc.aio.InternalError):
                    self._gate.hang_up(peer)  # it does not read
                    raise asyncio.CancelledError from None

        return service.lingering.cancelled(serve)

    @asynccontextmanager
    async def _place(
        self, crowd: Crowd, peer: str, seconds: float | None, late: str
    ) -> AsyncIterator[None]:
        """Hold a place in the crowd. Raises StatusError when it is lost, or time is over."""
        try:
            async with asyncio.timeout(seconds) as patience:
                leaving = crowd.enter(patience, peer)
                if isinstance(leaving, asyncio.Timeout):
                    leaving.reschedule(asyncio.get_running_loop().time())
                try:
                    yield
                finally:
                    lost = not crowd.leave(patience)
        except TimeoutError:
            if not patience.expired():
                raise
            raise (
                self._gate.crowded(self.name) if lost else self._gate.late(self.name, late)
            ) from None

    async def _first(self, requests: AsyncIterator[Any]) -> Any:
        async for request in self._decoded(requests):
            return request
        raise invalid("message", "is missing")

    async def _decoded(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            if isinstance(request, Undecodable):
                raise self._gate.undecodable(self.name, request)
            yield request


def _crowded() -> StatusError:
    return wait(COME_AGAIN_SECONDS, "too many calls at once")
