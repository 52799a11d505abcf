"""JournalService: records batches."""

import asyncio
import sys
from dataclasses import replace
from typing import Any, Protocol

import structlog
from newstally_protos.tracing.spans import OFF, Span
from newstally_protos.v1 import journal_pb2, journal_pb2_grpc
from newstally_runtime.deadline import steady
from newstally_runtime.status import invalid

from newstally_persister.flushing.tracing import Carried, Commits
from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.metrics import Metrics
from newstally_persister.services.answering import answered
from newstally_persister.services.messages import upload_message
from newstally_persister.services.owners import (
    bounds_of,
    over_limit,
    owner_of,
    taken_over,
    unknown_upload,
)
from newstally_persister.values.batches import Batch, read_batch
from newstally_persister.values.lending import ACCOUNTS_LIMIT, LEASE_SECONDS, Lender
from newstally_persister.values.open_uploads import OpenUploads
from newstally_persister.values.uploads import Recorded

GATEWAY_LIMIT_BYTES = 64
"""Of what a gateway calls itself."""

log = structlog.get_logger()


class Recorder(Protocol):
    """What the service needs of the journal."""

    async def record(self, batch: Batch) -> Recorded | None:
        """Record a batch; see JournalWriter."""
        ...


class JournalService(journal_pb2_grpc.JournalServiceServicer):
    """Checks batches and has them recorded."""

    def __init__(
        self,
        journal: Recorder,
        metrics: Metrics,
        open_uploads: OpenUploads | None = None,
        commits: Commits | None = None,
    ) -> None:
        """`open_uploads` is shared with UploadService; `commits` hears of batches."""
        self._commits = commits or Commits(OFF, Carried())
        self._open_uploads = open_uploads or OpenUploads()
        self._lender = Lender(steady())
        self._journal = journal
        self._metrics = metrics
        self._draining = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def drain(self) -> None:
        """Refuse new batches (UNAVAILABLE) and return when those under way are answered."""
        self._draining = True
        await self._idle.wait()

    @answered
    async def RecordBatch(  # noqa: N802
        self, request: journal_pb2.RecordBatchRequest, context: Any
    ) -> journal_pb2.RecordBatchResponse:
        """Record a batch if it begins at the upload's next_offset; answer with the truth."""
        if self._draining:
            raise JournalClosedError
        self._under_way += 1
        self._idle.clear()
        span = self._commits.begin(context.invocation_metadata(), request, steady())
        structlog.contextvars.bind_contextvars(**span.ids)
        try:
            batch = read_batch(request, owner_of(context))
            bounds = bounds_of(context)
            if bounds.publications_per_day is not None:
                batch = replace(batch, publications_per_day=bounds.publications_per_day)
            if bounds.open_uploads is not None:
                # It was let in when its stream was opened, and stays open.
                own_id = batch.upload_id.rpartition("/")[2]
                self._open_uploads.open(batch.owner, own_id, sys.maxsize, steady())
            return await self._record(batch, span)
        finally:
            span.end("refused")
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    @answered
    async def ShareLimits(  # noqa: N802
        self, request: journal_pb2.ShareLimitsRequest, _context: Any
    ) -> journal_pb2.ShareLimitsResponse:
        """Lend a gateway its shares."""
        if not 0 < len(request.gateway.encode()) <= GATEWAY_LIMIT_BYTES:
            raise invalid("gateway", f"must have 1 to {GATEWAY_LIMIT_BYTES} bytes")
        if len(request.demands) > ACCOUNTS_LIMIT:
            raise invalid("demands", f"more than {ACCOUNTS_LIMIT}")
        now = steady()
        response = journal_pb2.ShareLimitsResponse(seconds=LEASE_SECONDS)
        for demand in request.demands:
            share = response.shares.add(account=demand.account).share
            for field, limit in demand.limits.ListFields():
                lent = self._lender.lend(
                    (demand.account, field.name),
                    request.gateway,
                    limit,
                    getattr(demand.demand, field.name),
                    getattr(demand.held, field.name),
                    now,
                    whole=field.name == "streams",
                )
                setattr(share, field.name, lent)
        return response

    async def _record(self, batch: Batch, span: Span) -> journal_pb2.RecordBatchResponse:
        answer = await self._journal.record(batch)
        if answer is None:
            self._metrics.batches.labels("unknown_upload").inc()
            raise unknown_upload()
        if answer.fenced:
            self._metrics.batches.labels("fenced").inc()
            raise taken_over()
        if answer.over_limit:
            self._metrics.batches.labels("over_limit").inc()
            raise over_limit()
        if not answer.recorded:
            self._metrics.batches.labels("out_of_turn").inc()
        else:
            self._commits.recorded(span)
        next_offset = answer.upload.next_offset
        log.debug("batch answered", upload_id=batch.upload_id, next_offset=next_offset)
        span.end(recorded=answer.recorded, next_offset=next_offset)
        return journal_pb2.RecordBatchResponse(upload=upload_message(answer.upload))
