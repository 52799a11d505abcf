"""A persister in memory that speaks the real protocol, for tests of those who call it.

It keeps the promise (compare-and-set on next_offset) in the plainest way, and can be told to be
away, slow, full, or to lose replies.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from newstally_protos.v1 import (
    article_pb2,
    journal_pb2,
    journal_pb2_grpc,
    tally_pb2,
    tally_pb2_grpc,
    upload_pb2,
    upload_pb2_grpc,
)
from newstally_protos.wire import SERVER_OPTIONS
from newstally_runtime.status import StatusError, abort, invalid, wait
from support import ports
from support.reference_questions import NoQuestions

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Recorded:
    """All that one upload added up to."""

    upload_id: str
    owner: str
    next_offset: int = 0
    token: int = 0
    """The highest that a batch came with."""
    counted: int = 0
    refusals: list[article_pb2.Refusal] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    articles: Counter[str] = field(default_factory=Counter)
    """Per publication."""
    mentions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Per (publication, text, label)."""
    article_mentions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Per (publication, text, label), the articles that mention it."""
    ranges: list[tuple[int, int]] = field(default_factory=list)
    """Each batch that was applied: [first_offset, end_offset)."""

    def take(self, token: int) -> None:
        if token < self.token:
            raise StatusError(grpc.StatusCode.FAILED_PRECONDITION, "taken over")
        self.token = token

    def to_proto(self) -> upload_pb2.Upload:
        return upload_pb2.Upload(
            upload_id=self.upload_id,
            next_offset=self.next_offset,
            applied_offset=self.next_offset,
            counted=self.counted,
            refused=len(self.refusals),
            mentions=sum(self.mentions.values()),
            models=sorted(self.models),
        )


JOURNAL = "newstally.v1.JournalService"


class ReferencePersister(
    upload_pb2_grpc.UploadServiceServicer,
    journal_pb2_grpc.JournalServiceServicer,
    NoQuestions,
):
    def __init__(self) -> None:
        self.uploads: dict[str, Recorded] = {}
        self.owners: set[str] = set()
        """Every owner that any call named."""
        self.calls: Counter[str] = Counter()
        """How often each method was called."""
        self.knows_tokens = True
        """Otherwise it is one of release 0.2.0: it tells no tokens, and checks no owner."""
        self.tokens = 0
        self.readable: list[str] = []
        """What the last ListPublications was to list."""
        self.replies_to_lose = 0
        """So many RecordBatch calls are applied and then fail with UNAVAILABLE."""
        self.full = False
        """Answer RecordBatch with RESOURCE_EXHAUSTED and RetryInfo."""
        self.open = asyncio.Event()
        """RecordBatch waits until it is set."""
        self.open.set()
        self.health = health.aio.HealthServicer()
        """What it says of itself."""
        self.port = ports.free()
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve, on the same port as before if it served already."""
        server = grpc.aio.server(options=SERVER_OPTIONS)
        upload_pb2_grpc.add_UploadServiceServicer_to_server(self, server)
        journal_pb2_grpc.add_JournalServiceServicer_to_server(self, server)
        tally_pb2_grpc.add_TallyServiceServicer_to_server(self, server)
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        await servicer.set(JOURNAL, health_pb2.HealthCheckResponse.SERVING)
        self.health = servicer
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Go away at once; what was recorded stays."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(0)

    def add(self, upload_id: str, owner: str = "anonymous") -> Recorded:
        """Make an upload without a call."""
        return self.uploads.setdefault(upload_id, Recorded(upload_id, owner))

    # UploadService

    async def CreateUpload(
        self, request: upload_pb2.CreateUploadRequest, context: Context
    ) -> upload_pb2.CreateUploadResponse:
        owner = self._note("CreateUpload", context)
        upload = self.add(request.upload_id or f"made-{len(self.uploads)}", owner)
        return upload_pb2.CreateUploadResponse(
            upload=upload.to_proto(), opening=self._opening(request)
        )

    async def GetUpload(
        self, request: upload_pb2.GetUploadRequest, context: Context
    ) -> upload_pb2.GetUploadResponse:
        owner = self._note("GetUpload", context)
        try:
            upload = self._find(request.upload_id, owner)
        except StatusError as error:
            await abort(context, error)
        return upload_pb2.GetUploadResponse(
            upload=upload.to_proto(), opening=self._opening(request)
        )

    async def ListRefusals(
        self, request: upload_pb2.ListRefusalsRequest, context: Context
    ) -> upload_pb2.ListRefusalsResponse:
        self._note("ListRefusals", context)
        try:
            upload = self._find(request.upload_id)
            if request.page_size < 0:
                raise invalid("page_size", "is below zero")
        except StatusError as error:
            await abort(context, error)
        return upload_pb2.ListRefusalsResponse(refusals=upload.refusals)

    async def ListUploads(
        self, request: upload_pb2.ListUploadsRequest, context: Context
    ) -> upload_pb2.ListUploadsResponse:
        owner = self._note("ListUploads", context)
        mine = [upload for upload in self.uploads.values() if upload.owner == owner]
        return upload_pb2.ListUploadsResponse(uploads=[each.to_proto() for each in mine])

    async def AssignUpload(
        self, request: upload_pb2.AssignUploadRequest, context: Context
    ) -> upload_pb2.AssignUploadResponse:
        self._note("AssignUpload", context)
        try:
            upload = self._find(request.upload_id, "anonymous")
        except StatusError as error:
            await abort(context, error)
        upload.owner = request.owner
        return upload_pb2.AssignUploadResponse(upload=upload.to_proto())

    # TallyService

    async def ListPublications(
        self, request: tally_pb2.ListPublicationsRequest, context: Context
    ) -> tally_pb2.ListPublicationsResponse:
        self._note("ListPublications", context)
        self.readable = list(request.readable)
        total: Counter[str] = Counter()
        for upload in self.uploads.values():
            total.update(upload.articles)
        return tally_pb2.ListPublicationsResponse(
            publications=[
                tally_pb2.PublicationTally(publication=name, articles=n)
                for name, n in sorted(total.items())
            ],
            filtered=bool(self.readable) and self.knows_tokens,
        )

    async def ListEntityTallies(
        self, request: tally_pb2.ListEntityTalliesRequest, context: Context
    ) -> tally_pb2.ListEntityTalliesResponse:
        self._note("ListEntityTallies", context)
        return tally_pb2.ListEntityTalliesResponse()

    # JournalService

    async def RecordBatch(
        self, request: journal_pb2.RecordBatchRequest, context: Context
    ) -> journal_pb2.RecordBatchResponse:
        owner = None
        if self.knows_tokens:
            owner = self._note("RecordBatch", context)
        else:
            self.calls["RecordBatch"] += 1
        await self.open.wait()
        try:
            if self.full:
                raise wait(0.05, "the journal is full")
            upload = self._find(request.upload_id, owner)
            _check(request)
            upload.take(request.token)
            if request.first_offset == upload.next_offset:
                _apply(upload, request)
            self._lose_reply()
        except StatusError as error:
            await abort(context, error)
        return journal_pb2.RecordBatchResponse(upload=upload.to_proto())

    async def ShareLimits(
        self, request: journal_pb2.ShareLimitsRequest, context: Context
    ) -> journal_pb2.ShareLimitsResponse:
        self.calls["ShareLimits"] += 1
        if not self.knows_tokens:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        response = journal_pb2.ShareLimitsResponse(seconds=3.0)
        for demand in request.demands:
            response.shares.add(account=demand.account, share=demand.limits)
        return response

    def _find(self, upload_id: str, owner: str | None = None) -> Recorded:
        if upload_id not in self.uploads:
            raise StatusError(grpc.StatusCode.NOT_FOUND, f"no upload {upload_id!r}")
        upload = self.uploads[upload_id]
        if owner is not None and upload.owner != owner:
            raise StatusError(grpc.StatusCode.PERMISSION_DENIED, "another owner's upload")
        return upload

    def _opening(
        self, request: upload_pb2.GetUploadRequest | upload_pb2.CreateUploadRequest
    ) -> upload_pb2.Opening | None:
        if not (self.knows_tokens and request.opening):
            return None
        self.tokens += 1
        return upload_pb2.Opening(stored_id=request.upload_id, token=self.tokens)

    def _lose_reply(self) -> None:
        if self.replies_to_lose > 0:
            self.replies_to_lose -= 1
            raise StatusError(grpc.StatusCode.UNAVAILABLE, "reply lost")

    def _note(self, method: str, context: Context) -> str:
        self.calls[method] += 1
        owner = str(dict(context.invocation_metadata() or ()).get("newstally-owner", "anonymous"))
        self.owners.add(owner)
        return owner


def _check(request: journal_pb2.RecordBatchRequest) -> None:
    offsets = [refusal.offset for refusal in request.refusals]
    counted = sum(publication.articles for publication in request.publications)
    if counted + len(offsets) != request.end_offset - request.first_offset or counted < 0:
        raise invalid("end_offset", "the sums do not fit")
    if offsets != sorted(set(offsets)):
        raise invalid("refusals", "not ascending")
    if any(not request.first_offset <= offset < request.end_offset for offset in offsets):
        raise invalid("refusals", "outside of the batch")
    for publication in request.publications:
        keys = [(tally.text, tally.label) for tally in publication.entity_tallies]
        if len(keys) != len(set(keys)):
            raise invalid("entity_tallies", "an entity twice")
        for tally in publication.entity_tallies:
            if not 1 <= tally.articles <= min(tally.mentions, publication.articles):
                raise invalid("entity_tallies", "impossible counts")
            if not tally.text or not tally.label:
                raise invalid("entity_tallies", "empty text or label")


def _apply(upload: Recorded, request: journal_pb2.RecordBatchRequest) -> None:
    upload.ranges.append((request.first_offset, request.end_offset))
    upload.next_offset = request.end_offset
    upload.refusals.extend(request.refusals)
    upload.models.update(request.models)
    for publication in request.publications:
        name = publication.publication
        upload.counted += publication.articles
        upload.articles[name] += publication.articles
        for tally in publication.entity_tallies:
            upload.mentions[name, tally.text, tally.label] += tally.mentions
            upload.article_mentions[name, tally.text, tally.label] += tally.articles


@asynccontextmanager
async def reference_persister() -> AsyncIterator[ReferencePersister]:
    """A persister that serves on a free port of 127.0.0.1."""
    persister = ReferencePersister()
    await persister.start()
    try:
        yield persister
    finally:
        persister.open.set()
        await persister.stop()


def recount(articles: list[tuple[str, str]]) -> dict[str, Counter[tuple[str, str]]]:
    """Count what the reference extractor finds in (publication, content), plainly."""
    from support.reference_extractor import entities_of

    total: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for publication, content in articles:
        total[publication].update(entities_of(content))
    return total
