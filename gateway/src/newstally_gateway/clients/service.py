"""The public door: the two streaming methods over one kind of session."""

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
import structlog
from newstally_protos.keys import Limits
from newstally_protos.v1.gateway_pb2 import (
    DESCRIPTOR,
    StreamArticlesRequest,
    StreamArticlesResponse,
    UploadArticlesRequest,
    UploadArticlesResponse,
)
from newstally_runtime.peers.lingering import Lingering
from newstally_runtime.status import StatusError, abort

from newstally_gateway.calling import caller
from newstally_gateway.clients.decoding import lenient
from newstally_gateway.clients.door import to_status
from newstally_gateway.clients.replies import Outbox, Replies, Summary
from newstally_gateway.clients.session import Session
from newstally_gateway.clients.shared import Shared
from newstally_gateway.clients.statuses import to_error
from newstally_gateway.clients.uploads_log import UploadsLog
from newstally_gateway.clients.waiting import WAIT_SECONDS, WaitingRoom
from newstally_gateway.core.clients.intake import Incoming
from newstally_gateway.core.clients.places import Places
from newstally_gateway.core.clients.statuses import Reason, Status
from newstally_gateway.core.keys.callers import Caller, Rejection

NAME = DESCRIPTOR.services_by_name["GatewayService"].full_name
"""The service's full name."""
UPLOAD_ID_KEY = "newstally-upload-id"
"""Initial metadata that names the upload."""
LAST_WORD_SECONDS = 1.0
"""What ending a stream gets that cannot be written to, and what drain keeps for the statuses."""

Context = grpc.aio.ServicerContext[Any, Any]

log = structlog.get_logger()


class Streams:
    """GatewayService, and the registry of the streams that are open."""

    def __init__(
        self,
        shared: Shared,
        heartbeat_seconds: float,
        write_timeout_seconds: float,
        places: Places,
        age_seconds: float,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """`age_seconds`: after about this a stream is asked to go on elsewhere."""
        self._shared = shared
        self._heartbeat = heartbeat_seconds
        self._write_timeout = write_timeout_seconds
        self._age = age_seconds
        self._room = WaitingRoom(places, self._ask_to_leave, wait_seconds)
        self._numbers = itertools.count(1)
        self._open: dict[int, Session] = {}
        self._none_open = asyncio.Event()
        self._none_open.set()
        self._draining = False
        self._rejected: set[int] = set()
        self._resuming: set[int] = set()
        """Streams whose clients go on elsewhere: they know how far their upload is."""
        self.log = UploadsLog(self._open)
        """What is logged of uploads; somebody has to run it."""
        self._lingering = Lingering()

    @property
    def open(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def register(self, server: grpc.aio.Server) -> str:
        """Add GatewayService; return its full name.

        Not by the generated function: its deserializers raise, which ends the stream.
        """
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "UploadArticles": grpc.stream_unary_rpc_method_handler(
                self._lingering.cancelled(self._upload_articles),
                request_deserializer=lenient(UploadArticlesRequest),
                response_serializer=UploadArticlesResponse.SerializeToString,
            ),
            "StreamArticles": grpc.stream_stream_rpc_method_handler(
                self._lingering.cancelled_stream(self._stream_articles),
                request_deserializer=lenient(StreamArticlesRequest),
                response_serializer=StreamArticlesResponse.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
        return NAME

    async def _upload_articles(
        self, messages: AsyncIterator[Incoming], context: Context
    ) -> UploadArticlesResponse:
        """Take articles; answer when all are settled."""
        summary = Summary()
        number, session = await self._session(messages, context, summary)
        try:
            await session.run()
        except StatusError as error:
            await self._lingering.linger(context.peer())
            await abort(context, error)
        finally:
            self._room.leave(number)
        return summary.response

    async def _stream_articles(
        self, messages: AsyncIterator[Incoming], context: Context
    ) -> AsyncGenerator[StreamArticlesResponse, None]:
        """Take articles; tell, while they come, how far the upload is."""
        outbox = Outbox(self._heartbeat)
        number, session = await self._session(messages, context, outbox)
        self._resuming.add(number)
        self._limit_age(session, context)
        # Not a TaskGroup: a cancelled handler leaves this generator at its `yield`, to be closed in
        # some other task. The context's callback comes at once.
        running = asyncio.create_task(session.run(), name="session")
        running.add_done_callback(_heed)
        running.add_done_callback(lambda _: outbox.close())
        running.add_done_callback(lambda _: self._room.leave(number))
        _when_over(context, running.cancel)
        patience = _Patience(context, session, self._write_timeout)
        try:
            while (event := await outbox.next()) is not None:
                with patience:
                    yield event
            try:
                await running
            except StatusError as error:
                await self._lingering.linger(context.peer())
                with patience:
                    await abort(context, error)
        finally:
            running.cancel()
            await asyncio.wait({running})

    def look_again(self, check: Callable[[Caller, str], Caller | Rejection]) -> None:
        """Have the streams end whose callers are not let in any more, or with other limits."""
        for number, session in list(self._open.items()):
            found = check(session.caller, f"/{NAME}/")
            if isinstance(found, Caller):
                before, session.caller = session.caller, found
                if number in self._resuming and _limits(before) != _limits(found):
                    session.drain()  # it comes back, and is counted by the new ones
            elif number not in self._rejected:
                self._rejected.add(number)
                log.info("key not good any more, stream ends", owner=session.caller.owner)
                session.reject(to_status(found))

    async def drain(self, seconds: float) -> None:
        """Take no new streams; return when those that are open have ended, within `seconds`."""
        self._draining = True
        self._room.dismiss()
        for session in list(self._open.values()):
            session.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds - LAST_WORD_SECONDS, 0)):
                await self._none_open.wait()
        for session in list(self._open.values()):
            session.give_up()
        await self._none_open.wait()

    async def _session(
        self, messages: AsyncIterator[Incoming], context: Context, replies: Replies
    ) -> tuple[int, Session]:
        """Find a place, and make a session for it; `leave` the room when that has ended."""
        number = next(self._numbers)
        found = caller()
        # Owners share the places; who is nobody in particular counts by connections.
        peer = context.peer() if found.key is None else f"owner {found.owner}"
        limiting, account = self._shared.limiting, self._shared.limiting.account(found)
        over_limit = False
        if account is not None:
            _when_over(context, partial(limiting.leave, account))
            over_limit = not await limiting.enter(found, account)
            if account.has_rates:
                messages = limiting.paced(found, account, messages)
        placed = await self._room.enter(number, peer)
        if not placed and len(self._open) >= 2 * self._room.places:
            # Too many even to read away what they send, which is what refusing them well takes.
            await abort(context, to_error(Status(Reason.CROWDED)))

        async def announce(upload_id: str) -> None:
            self.log.begun(number, upload_id)
            trace.found(upload_id)
            await context.send_initial_metadata(((UPLOAD_ID_KEY, upload_id),))

        now = asyncio.get_running_loop().time()
        trace = self._shared.tracing.stream(context.invocation_metadata(), now, found.owner)
        structlog.contextvars.bind_contextvars(**trace.ids)
        session = Session(
            number,
            found,
            messages,
            self._shared,
            replies,
            announce,
            lambda: None,
            trace,
            used=partial(self._room.use, number),
            spent=None if account is None else account.spend,
        )
        if self._draining:
            session.refuse(Status(Reason.DRAINING))
        elif over_limit:
            session.refuse(Status(Reason.OVER_LIMIT))
        elif not placed:
            session.refuse(Status(Reason.CROWDED))
        self._open[number] = session
        self._none_open.clear()
        self._shared.metrics.streams.inc()
        _when_over(context, lambda: self._ended(number))
        return number, session

    def _limit_age(self, session: Session, context: Context) -> None:
        """Let the stream go on elsewhere in a while, so that clients spread over new gateways."""
        # Jitter: those that came together shall not leave together.
        seconds = self._age * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
        timer = asyncio.get_running_loop().call_later(seconds, session.drain)
        _when_over(context, timer.cancel)

    def _ask_to_leave(self) -> None:
        """Let the stream of least use leave, if its place is wanted."""
        busy = {number for number, session in self._open.items() if session.idle_since is None}
        number = self._room.pick(busy)
        if number is not None and (session := self._open.get(number)) is not None:
            log.info("stream of little use ended for a new one", **session.where)
            session.make_room()

    def whose(self, number: Hashable) -> tuple[str, str] | None:
        """Return a stream's upload and its owner; None if it is not open."""
        session = self._open.get(number) if isinstance(number, int) else None
        return None if session is None else (session.upload_id, session.caller.owner)

    def _ended(self, number: int) -> None:
        session = self._open.pop(number)
        self.log.ended(number, session)
        session.trace.ended(session.outcome, session.figures)
        self._rejected.discard(number)
        self._resuming.discard(number)
        self._shared.metrics.streams.dec()
        self._shared.metrics.stream_ends.labels(session.outcome).inc()
        if not self._open:
            self._none_open.set()


def _limits(caller: Caller) -> Limits | None:
    return None if caller.key is None else caller.key.limits


def _heed(session: asyncio.Task[None]) -> None:
    """Take note of what ended a session: its handler, which would, may be gone already."""
    if not session.cancelled():
        session.exception()


def _when_over(context: Context, callback: Callable[[], object]) -> None:
    """Call back as soon as the call has ended, however it did."""

    def over(_: Context) -> None:
        callback()

    # The type stub asks for a class of its own; any callable will do.
    context.add_done_callback(over)  # type: ignore[arg-type]


class _Patience:
    """Ends a stream whose client reads nothing for too long; entered around each write.

    What waits for the client's flow control can be ended in no other way: the status is put behind
    it, and the handler's task is cancelled so that all that the stream holds is free.
    """

    def __init__(self, context: Context, session: Session, seconds: float) -> None:
        """Call it in the handler's own task."""
        self._context = context
        self._session = session
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._handler = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._expire)

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        log.warning("client does not read", **self._session.where, seconds=self._seconds)
        self._ending = asyncio.create_task(self._end(), name="end unread stream")

    async def _end(self) -> None:
        error = StatusError(
            grpc.StatusCode.UNAVAILABLE, f"the client read nothing for {self._seconds:g} s"
        )
        with suppress(TimeoutError, grpc.aio.AbortError, grpc.aio.UsageError):
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await abort(self._context, error)
        if self._handler is not None:
            self._handler.cancel()
