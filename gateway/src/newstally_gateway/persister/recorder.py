"""Hands batches to the persister, for as long as it takes."""

import asyncio
import time

import grpc
import structlog
from newstally_protos.backoff import Backoff
from newstally_protos.tracing.traceparent import KEY as TRACEPARENT_KEY
from newstally_protos.tracing.traceparent import Traceparent
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from newstally_protos.v1.upload_pb2 import Upload
from newstally_protos.wire import retry_delay_seconds
from newstally_runtime.observing.recent import Times
from newstally_runtime.status import StatusError, wait

from newstally_gateway.core.clients.batches import wait_seconds
from newstally_gateway.core.keys.callers import Caller
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister, caller_metadata

TRY_SECONDS = 10.0
"""Deadline of one try; connecting is part of it."""
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 2.0

OVER_LIMIT_SECONDS = 3_600.0
"""What a client is asked to wait that has taken what a day allows: somebody may allow more."""

log = structlog.get_logger()


class Recorder:
    """RecordBatch with retries. It never gives a batch up; cancelling it does."""

    def __init__(self, persister: Persister, metrics: Metrics) -> None:
        self._journal = persister.journal
        self._metrics = metrics
        self.times = Times("recording", time.monotonic(), metrics.record_seconds)
        """How long batches took of late."""

    async def record(
        self, request: RecordBatchRequest, caller: Caller, trace: Traceparent | None = None
    ) -> Upload:
        """Return the upload as the journal answers it; `request` may be recorded or not.

        `trace`: what the persister's work on it belongs to.

        Every failure that can pass is waited out. Raises StatusError for those that cannot:
        NOT_FOUND (the upload is gone), FAILED_PRECONDITION (another stream has taken it over),
        RESOURCE_EXHAUSTED (its key may bring no more today), or INTERNAL (the batch is not taken).
        """
        backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        began = time.monotonic()
        metadata = caller_metadata(caller)
        if trace is not None:
            metadata = (*metadata, (TRACEPARENT_KEY, str(trace)))
        while True:
            try:
                response = await self._journal.RecordBatch(
                    request,
                    timeout=TRY_SECONDS,
                    metadata=metadata,
                    wait_for_ready=True,
                )
            except grpc.aio.AioRpcError as error:
                self._metrics.record_retries.labels(error.code().name).inc()
                await asyncio.sleep(_wait_seconds(request, error, backoff))
            else:
                self._metrics.batches.inc()
                now = time.monotonic()
                self.times.observe(now - began, now)
                return response.upload


def _wait_seconds(
    request: RecordBatchRequest, error: grpc.aio.AioRpcError, backoff: Backoff
) -> float:
    """Return how long to wait before the same batch is sent again, or raise what is permanent."""
    seconds = wait_seconds(error.code().name, retry_delay_seconds(error), backoff.next_seconds())
    if seconds is not None:
        return seconds
    if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
        raise StatusError(error.code(), error.details() or "") from error
    if error.code() is grpc.StatusCode.PERMISSION_DENIED:  # more of something than a day allows
        raise wait(OVER_LIMIT_SECONDS, error.details() or "") from error
    # INVALID_ARGUMENT, say, would tell the client that its request was wrong: it was the batch.
    log.error(
        "batch not taken",
        upload_id=request.upload_id,
        first_offset=request.first_offset,
        end_offset=request.end_offset,
        bytes=request.ByteSize(),
        code=error.code().name,
        details=error.details(),
        remedy="a fault of the gateway or the persister: please report it",
    )
    raise StatusError(
        grpc.StatusCode.INTERNAL, "the journal does not take a batch of this upload"
    ) from error
