"""JournalService: records batches."""

import asyncio
from typing import Any, Protocol

from newstally_protos.v1 import journal_pb2, journal_pb2_grpc

from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.metrics import Metrics
from newstally_persister.services.answering import answered
from newstally_persister.services.messages import upload_message
from newstally_persister.services.owners import owner_of, taken_over, unknown_upload
from newstally_persister.values.batches import Batch, read_batch
from newstally_persister.values.uploads import Recorded


class Recorder(Protocol):
    """What the service needs of the journal."""

    async def record(self, batch: Batch) -> Recorded | None:
        """Record a batch; see JournalWriter."""
        ...


class JournalService(journal_pb2_grpc.JournalServiceServicer):
    """Checks batches and has them recorded."""

    def __init__(self, journal: Recorder, metrics: Metrics) -> None:
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
        try:
            return await self._record(read_batch(request, owner_of(context)))
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def _record(self, batch: Batch) -> journal_pb2.RecordBatchResponse:
        answer = await self._journal.record(batch)
        if answer is None:
            self._metrics.batches.labels("unknown_upload").inc()
            raise unknown_upload()
        if answer.fenced:
            self._metrics.batches.labels("fenced").inc()
            raise taken_over()
        if not answer.recorded:
            self._metrics.batches.labels("out_of_turn").inc()
        return journal_pb2.RecordBatchResponse(upload=upload_message(answer.upload))
