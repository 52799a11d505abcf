"""One call of `NewstallyClient.upload`.

    input ──pull──▶ window ──write──▶ gateway
                       ▲                 │
                       └──acknowledge── read

The pulling task lives as long as the upload; writer and reader as long as a stream. When a stream
ends before all is settled, the upload's true state is read and a new stream begins with the first
article that is not acknowledged.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING

import grpc
from newstally_protos.v1 import gateway_pb2, upload_pb2

from newstally._gateway.decoding import to_refusal, to_upload
from newstally._gateway.encoding import Message, StreamArticles, to_request
from newstally._gateway.failures import translate
from newstally._gateway.retrying import Retrying, guarded
from newstally._gateway.securing import Metadata
from newstally._gateway.settling import Settling
from newstally._gateway.tasks import Signal, together
from newstally._gateway.window import Window
from newstally.errors import (
    GatewayUnavailable,
    GaveUp,
    InvalidRequest,
    NewstallyError,
    TransientError,
    UploadTakenOver,
)
from newstally.settings import RetryPolicy, WindowLimits
from newstally.values import (
    ArticleLike,
    Progress,
    Refusal,
    Upload,
    UploadEvent,
    UploadStatistics,
    UploadSummary,
)

if TYPE_CHECKING:
    from newstally_protos.v1.upload_pb2_grpc import UploadServiceAsyncStub

    Call = grpc.aio.StreamStreamCall[Message, gateway_pb2.StreamArticlesResponse]

KEPT_REFUSALS = 100
"""How many refusals a summary holds."""
LINGER_SECONDS = 2.0
"""How long to wait for the end of a stream on which everything was acknowledged."""
_FAIRNESS = 64  # articles pulled from a synchronous input before the event loop gets a turn


class Uploader:
    """Brings an input to its end. Used once."""

    def __init__(
        self,
        stream_articles: "StreamArticles",
        uploads: "UploadServiceAsyncStub",
        upload: Upload,
        articles: Iterable[ArticleLike] | AsyncIterable[ArticleLike],
        policy: RetryPolicy,
        limits: WindowLimits,
        on_event: Callable[[UploadEvent], None],
        metadata: Metadata = (),
    ) -> None:
        """`metadata` goes with each stream."""
        self._stream_articles = stream_articles
        self._uploads = uploads
        self._upload = upload
        self._articles = articles
        self._policy = policy
        self._on_event = on_event
        self._metadata = metadata
        self._window = Window(limits, upload.next_offset)
        self._changed = Signal()
        self._retrying = Retrying(policy, on_event)
        self._pulled = 0
        self._sent_on = False
        self._input_ended = False
        self._refusals: dict[int, Refusal] = {}
        self._settling = Settling()
        self._settled_bytes = 0
        self._begin = time.monotonic()

    async def run(self) -> UploadSummary:
        """Return when every article of the input is settled.

        Errors say which upload it is, and how far it was.
        """
        known = self._upload
        try:
            await together(self._pull(), self._push())
        except NewstallyError as error:
            error.upload_id, error.next_offset = known.upload_id, self._window.first
            raise
        except Exception as error:
            error.add_note(
                f"upload {known.upload_id}: {self._window.first} articles are acknowledged"
            )
            raise
        known = self._upload
        return UploadSummary(
            upload_id=known.upload_id,
            next_offset=known.next_offset,
            applied_offset=known.applied_offset,
            counted=known.counted,
            refused=known.refused,
            mentions=known.mentions,
            models=known.models,
            create_time=known.create_time,
            update_time=known.update_time,
            articles=self._pulled,
            refusals=tuple(refusal for _, refusal in sorted(self._refusals.items())),
            statistics=UploadStatistics(
                seconds=time.monotonic() - self._begin,
                settled=self._settling.settled,
                settled_bytes=self._settled_bytes,
                retries=self._retrying.retries,
                settle_p50_seconds=self._settling.percentile(50),
                settle_p95_seconds=self._settling.percentile(95),
                settle_p99_seconds=self._settling.percentile(99),
            ),
        )

    async def _pull(self) -> None:
        async with contextlib.aclosing(_each(self._articles)) as articles:
            async for article in articles:
                offset = self._pulled
                if offset >= self._window.end:
                    request = to_request(self._upload.upload_id, offset, article)
                    await self._add(offset, request)
                self._pulled += 1
        self._input_ended = True
        self._changed.notify()

    async def _add(self, offset: int, request: Message) -> None:
        size_bytes = request.ByteSize()
        while not self._window.fits(size_bytes):
            await self._changed.wait()
        if offset < self._window.end:
            return  # settled meanwhile by someone else in the same upload
        if self._window.empty:
            self._retrying.moved()
        self._window.add(request, size_bytes)
        self._changed.notify()

    @property
    def _done(self) -> bool:
        return self._input_ended and self._window.empty

    async def _push(self) -> None:
        known = True
        doubt: InvalidRequest | None = None
        while True:
            await self._until_needed()
            try:
                if not known:
                    await self._look()
                    known = True
                if doubt is not None:
                    raise doubt
                if self._done:
                    return
                await self._stream()
            except InvalidRequest as error:
                if doubt is not None:
                    raise
                # A gap is what an upload that went backwards looks like. Looking tells.
                doubt, known = error, False
            except GaveUp:
                raise
            except TransientError as error:
                if self._done:
                    return
                known = False
                await self._pause(error)

    async def _pause(self, error: TransientError) -> None:
        """Wait before the next stream, unless this one went well and shall go on elsewhere."""
        if self._sent_on:
            self._sent_on = False  # nothing failed, so nobody need hear of it
        else:
            await self._retrying.wait(error)

    async def _until_needed(self) -> None:
        """Wait until there is something to send, or nothing to come."""
        while self._window.empty and not self._input_ended:
            await self._changed.wait()

    async def _look(self) -> None:
        """Learn how the upload stands, as after a failure only the journal knows."""
        request = upload_pb2.GetUploadRequest(upload_id=self._upload.upload_id)
        answer = await guarded(
            lambda: self._uploads.GetUpload(request, timeout=self._policy.call_timeout)
        )
        self._acknowledge(answer.upload)

    async def _stream(self) -> None:
        self._window.rewind()
        call: Call = self._stream_articles(metadata=self._metadata)
        stream = _Stream(call)
        try:
            await together(self._write(stream), self._read(stream))
        finally:
            call.cancel()
            self._sent_on = stream.draining and stream.moved
        if not self._done:
            raise GatewayUnavailable(
                "the gateway is draining" if stream.draining else "the stream ended early"
            )

    async def _write(self, stream: "_Stream") -> None:
        try:
            while not stream.closing:
                request = self._window.next_unsent()
                if request is not None:
                    self._settling.sent(request.offset, time.monotonic())
                    await stream.call.write(request)
                elif self._input_ended:
                    break
                else:
                    await self._changed.wait()
            await stream.call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # the call is over; the reader learns why

    async def _read(self, stream: "_Stream") -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._policy.event_timeout) as watchdog:
                async for event in stream.call:
                    self._take(stream, event)
                    patience = LINGER_SECONDS if self._done else self._policy.event_timeout
                    watchdog.reschedule(loop.time() + patience)
        except TimeoutError as error:
            raise GatewayUnavailable("the gateway has gone silent (DEADLINE_EXCEEDED)") from error
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                raise UploadTakenOver(f"{error.details()} ({error.code().name})") from error
            raise translate(error) from error
        finally:
            stream.closing = True
            self._changed.notify()

    def _take(self, stream: "_Stream", event: gateway_pb2.StreamArticlesResponse) -> None:
        match event.WhichOneof("event"):
            case "progress":
                stream.moved = True
                self._acknowledge(event.progress.upload)
            case "refusal":
                refusal = to_refusal(event.refusal)
                if len(self._refusals) < KEPT_REFUSALS:
                    self._refusals[refusal.offset] = refusal
                self._on_event(refusal)
            case "draining":
                stream.draining = stream.closing = True
                self._changed.notify()
            case _:
                pass  # from a later version of the protocol

    def _acknowledge(self, message: upload_pb2.Upload) -> None:
        kept_bytes = self._window.size_bytes
        moved = self._window.acknowledge(message.next_offset)
        self._settled_bytes += kept_bytes - self._window.size_bytes
        self._settling.acknowledged(message.next_offset, time.monotonic())
        self._upload = to_upload(message)
        if moved or self._window.empty:
            self._retrying.moved()
            self._changed.notify()
        self._on_event(Progress(self._upload))
        self._retrying.check()


class _Stream:
    def __init__(self, call: "Call") -> None:
        self.call = call
        self.closing = False
        """The writer shall send nothing new and say that it is done."""
        self.draining = False
        """The gateway has asked to go on elsewhere."""
        self.moved = False
        """Something was acknowledged on it."""


async def _each(
    articles: Iterable[ArticleLike] | AsyncIterable[ArticleLike],
) -> AsyncGenerator[ArticleLike, None]:
    if isinstance(articles, AsyncIterable):
        async for article in articles:
            yield article
        return
    for number, article in enumerate(articles):
        if number % _FAIRNESS == 0:
            await asyncio.sleep(0)
        yield article
