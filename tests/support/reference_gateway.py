"""The other side of the wire for tests of the client: a real gRPC server that keeps the offset
rules of newstally.v1 in memory, and misbehaves on demand.

It counts words instead of entities: each distinct word of an article is an entity labelled WORD,
named with a capital.
"""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError
from newstally_protos.v1 import (
    draining_pb2,
    envelope_pb2,
    gateway_pb2,
    tally_pb2,
    tally_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from newstally_protos.wire import SERVER_OPTIONS
from newstally_runtime import status
from support.reference_questions import NoQuestions
from support.reference_uploads import Journal, Numbering, ranges_of


class Fault(enum.Enum):
    """How a stream can go wrong, at a moment when something could be settled."""

    DROP = enum.auto()  # broken off before anything is settled
    LOSE_PROGRESS = enum.auto()  # settled, then broken off before the client hears of it
    CANCELLED = enum.auto()
    ABORTED = enum.auto()
    TAKEN_OVER = enum.auto()  # a later stream sends the same upload
    BUSY = enum.auto()  # RESOURCE_EXHAUSTED with RetryInfo
    DRAIN = enum.auto()
    END = enum.auto()  # ends with OK although the client has more
    SILENT = enum.auto()  # no event any more, heartbeats included


_STATUSES: dict[Fault | None, status.StatusError] = {
    Fault.DROP: status.StatusError(grpc.StatusCode.UNAVAILABLE, "dropped"),
    Fault.CANCELLED: status.StatusError(grpc.StatusCode.CANCELLED, "cancelled by the server"),
    Fault.ABORTED: status.StatusError(grpc.StatusCode.ABORTED, "aborted"),
    Fault.TAKEN_OVER: status.StatusError(
        grpc.StatusCode.FAILED_PRECONDITION, "another stream has taken this upload over"
    ),
    Fault.BUSY: status.wait(0.01, "no room"),
}


class ReferenceGateway(
    upload_pb2_grpc.UploadServiceServicer,
    NoQuestions,
):
    """Use it with `async with`; `target` is where it listens."""

    def __init__(
        self,
        faults: Iterable[Fault | None] = (),
        *,
        batch: int = 50,
        heartbeat_seconds: float = 0.05,
        port: int = 0,
        credentials: grpc.ServerCredentials | None = None,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self.faults: Iterator[Fault | None] = iter(faults)
        self.unary_failures: list[grpc.StatusCode] = []
        self.batch = batch
        self.heartbeat_seconds = heartbeat_seconds
        self.journals: dict[str, Journal] = {}
        self.owned_by_others: set[str] = set()
        self.applied_behind = 0  # how far the sink is behind; each GetUpload makes it one less
        self.paused = False  # nothing is settled while set
        self.most_unsettled = 0
        self.most_unsettled_bytes = 0
        self.received = 0
        self.metadata: dict[str, str | bytes] = {}
        """Of the last stream."""
        self.streams = 0
        self.kept_refusals: int | None = None  # so many are listed
        self.read_away_seconds = 0.2  # before a client that still writes is turned away
        self.tells_ranges = False  # of those that are not listed
        self.counted_with: list[str] = []  # what all tallies were counted with
        self.target = ""
        self._measured = asyncio.Event()
        self._moved = asyncio.Event()
        self._port = port
        self._credentials = credentials
        self._interceptors = interceptors
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(options=SERVER_OPTIONS, interceptors=self._interceptors)
        self._server.add_generic_rpc_handlers((_streaming(self.StreamArticles),))
        upload_pb2_grpc.add_UploadServiceServicer_to_server(self, self._server)
        tally_pb2_grpc.add_TallyServiceServicer_to_server(self, self._server)
        address = f"127.0.0.1:{self._port}"
        self._port = (
            self._server.add_insecure_port(address)
            if self._credentials is None
            else self._server.add_secure_port(address, self._credentials)
        )
        self.target = f"127.0.0.1:{self._port}"
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        await self._server.stop(0)

    @property
    def port(self) -> int:
        return self._port

    async def until_unsettled(self, number: int) -> None:
        """Return when so many articles have been received and not settled."""
        while self.most_unsettled < number:
            await self._measured.wait()
            self._measured.clear()

    async def until_settled(self, upload_id: str, number: int) -> None:
        """Return when so many articles of an upload are settled."""
        while upload_id not in self.journals or self.journals[upload_id].next_offset < number:
            self._moved.clear()
            await self._moved.wait()

    def articles(self, upload_id: str) -> list[tuple[str, str]]:
        """What was counted, in offset order."""
        counted = self.journals[upload_id].counted
        return [(publication, content) for _, publication, content in sorted(counted)]

    # ---- GatewayService

    async def StreamArticles(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        self.streams += 1
        self.metadata = dict(context.invocation_metadata())
        inbox = _Inbox()
        reader = asyncio.create_task(inbox.fill(request_iterator))
        try:
            async for event in self._serve(inbox, context):
                yield event
        except status.StatusError as error:
            await status.abort(context, error)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _serve(self, inbox: "_Inbox", context: Any) -> AsyncIterator[Any]:
        first = await inbox.first()
        if first is None:
            return
        journal = self._journal(_text(first.upload_id))
        if not first.HasField("offset"):
            raise status.invalid("offset", "is required in the first message")
        stream = Numbering(journal)
        yield _progress(journal)
        while True:
            self.received += stream.place_all(inbox.take())
            self._measure(stream)
            if stream.pending and not self.paused:
                async for event in self._settle(stream, inbox):
                    yield event
            if stream.over or (inbox.drained and not stream.pending):
                return
            if not stream.pending or self.paused:
                await inbox.changed(self.heartbeat_seconds)
                yield _progress(journal)

    async def _settle(self, stream: "Numbering", inbox: "_Inbox") -> AsyncIterator[Any]:
        fault = next(self.faults, None)
        if fault in (Fault.BUSY, Fault.TAKEN_OVER):
            # As gateways do: a client that still writes may see INTERNAL instead.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(inbox.end(), self.read_away_seconds)
        if fault in _STATUSES:
            raise _STATUSES[fault]
        if fault is Fault.SILENT:
            await asyncio.Event().wait()
        if fault in (Fault.END, Fault.DRAIN):
            stream.over = True
        if fault is Fault.END:
            return
        if fault is Fault.DRAIN:
            yield gateway_pb2.StreamArticlesResponse(draining=draining_pb2.Draining())
            await inbox.end()  # settle what the client had sent until it heard of it
            stream.place_all(inbox.take())
        refused = stream.settle(None if fault is Fault.DRAIN else self.batch)
        self._moved.set()
        if fault is Fault.LOSE_PROGRESS:
            raise status.StatusError(grpc.StatusCode.UNAVAILABLE, "dropped after settling")
        for refusal in refused:
            yield gateway_pb2.StreamArticlesResponse(refusal=refusal)
        yield _progress(stream.journal)

    def _measure(self, stream: "Numbering") -> None:
        self.most_unsettled = max(self.most_unsettled, len(stream.pending))
        unsettled_bytes = sum(request.ByteSize() for request in stream.pending)
        self._measured.set()
        self.most_unsettled_bytes = max(self.most_unsettled_bytes, unsettled_bytes)

    def _journal(self, upload_id: str) -> Journal:
        if upload_id not in self.journals:
            raise status.StatusError(grpc.StatusCode.NOT_FOUND, f"no upload {upload_id}")
        return self.journals[upload_id]

    # ---- UploadService

    async def CreateUpload(self, request: Any, context: Any) -> Any:
        await self._maybe_fail(context)
        if not request.upload_id[:1].isalnum():
            await status.abort(context, status.invalid("upload_id", "malformed"))
        if request.upload_id in self.owned_by_others:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, "another owner's")
        journal = self.journals.setdefault(request.upload_id, Journal(request.upload_id))
        return upload_pb2.CreateUploadResponse(upload=journal.message())

    async def GetUpload(self, request: Any, context: Any) -> Any:
        await self._maybe_fail(context)
        try:
            journal = self._journal(request.upload_id)
        except status.StatusError as error:
            await status.abort(context, error)
        message = journal.message(self.applied_behind)
        self.applied_behind = max(0, self.applied_behind - 1)
        return upload_pb2.GetUploadResponse(upload=message)

    async def ListRefusals(self, request: Any, context: Any) -> Any:
        every = self._journal(request.upload_id).refusals
        kept = every[: self.kept_refusals]
        rows, token = _page(kept, request)
        rest = [] if token or not self.tells_ranges else every[len(kept) :]
        return upload_pb2.ListRefusalsResponse(
            refusals=rows, next_page_token=token, refusal_ranges=ranges_of(rest)
        )

    async def ListUploads(self, request: Any, context: Any) -> Any:
        made = [journal.message() for journal in reversed(self.journals.values())]
        rows, token = _page(made, request)
        return upload_pb2.ListUploadsResponse(uploads=rows, next_page_token=token)

    async def AssignUpload(self, request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this key has not the scope admin")

    async def _maybe_fail(self, context: Any) -> None:
        if self.unary_failures:
            await context.abort(self.unary_failures.pop(0), "told to fail")

    # ---- TallyService

    async def ListPublications(self, request: Any, context: Any) -> Any:
        tallies: dict[str, list[int]] = {}
        for journal in self.journals.values():
            for _, publication, content in journal.counted:
                entry = tallies.setdefault(publication, [0, 0])
                entry[0] += 1
                entry[1] += len(content.split())
        ordered = sorted(tallies.items(), key=lambda item: (-item[1][1], item[0]))
        rows, token = _page(
            [
                tally_pb2.PublicationTally(publication=name, articles=a, mentions=m)
                for name, (a, m) in ordered
            ],
            request,
        )
        return tally_pb2.ListPublicationsResponse(
            publications=rows, next_page_token=token, models=self.counted_with
        )

    async def ListEntityTallies(self, request: Any, context: Any) -> Any:
        tallies: dict[str, list[int]] = {}
        for journal in self.journals.values():
            for _, publication, content in journal.counted:
                if publication.casefold() == request.publication.casefold():
                    words = content.casefold().split()
                    for word in set(words):
                        entry = tallies.setdefault(word, [0, 0])
                        entry[0] += words.count(word)
                        entry[1] += 1
        if not tallies:
            await context.abort(grpc.StatusCode.NOT_FOUND, "nothing of that publication")
        ordered = sorted(tallies.items(), key=lambda item: (-item[1][0], item[0]))
        matching = ordered if request.label in ("", "WORD") else []
        rows, token = _page(
            [
                tally_pb2.EntityTally(
                    text=word, label="WORD", mentions=m, articles=a, name=word.title()
                )
                for word, (m, a) in matching
            ],
            request,
        )
        return tally_pb2.ListEntityTalliesResponse(entity_tallies=rows, next_page_token=token)


class _Inbox:
    """What the client has sent on one stream and was not yet looked at."""

    def __init__(self) -> None:
        self._requests: list[Any] = []
        self._event = asyncio.Event()
        self.ended = False

    async def fill(self, requests: Any) -> None:
        try:
            async for request in requests:
                self._requests.append(request)
                self._event.set()
        finally:
            self.ended = True
            self._event.set()

    async def first(self) -> Any:
        while not self._requests and not self.ended:
            await self.changed(1.0)
        return self._requests[0] if self._requests else None

    @property
    def drained(self) -> bool:
        return self.ended and not self._requests

    async def end(self) -> None:
        while not self.ended:
            await self.changed(1.0)

    def take(self) -> list[Any]:
        taken, self._requests = self._requests, []
        return taken

    async def changed(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        was_set = self._event.is_set()
        self._event.clear()
        return was_set


def _streaming(method: Any) -> grpc.GenericRpcHandler:
    """Serve StreamArticles, the only method of GatewayService that the client uses."""
    handler = grpc.stream_stream_rpc_method_handler(
        method,
        request_deserializer=_read,
        response_serializer=gateway_pb2.StreamArticlesResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        "newstally.v1.GatewayService", {"StreamArticles": handler}
    )


def _read(data: bytes) -> Any:
    """Return the request, or its envelope if the article in it cannot be parsed."""
    try:
        return gateway_pb2.StreamArticlesRequest.FromString(data)
    except DecodeError:
        return envelope_pb2.ArticleEnvelope.FromString(data)


def _text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode()


def _progress(journal: Journal) -> Any:
    return gateway_pb2.StreamArticlesResponse(
        progress=gateway_pb2.Progress(upload=journal.message())
    )


def _page(rows: list[Any], request: Any) -> tuple[list[Any], str]:
    begin = int(request.page_token or 0)
    end = begin + min(request.page_size or 100, 1000)
    return rows[begin:end], str(end) if end < len(rows) else ""
