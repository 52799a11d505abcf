"""Settles what one client stream was admitted: freeze, record, tell the client; again."""

import asyncio
from collections.abc import Callable

import grpc
import structlog
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.v1.upload_pb2 import Upload
from newstally_runtime.status import StatusError

from newstally_gateway.clients.intake import Place, Shared
from newstally_gateway.clients.replies import Listener
from newstally_gateway.core.clients.batches import Batch, fold
from newstally_gateway.core.clients.ledger import Answer, WentBackwardsError

log = structlog.get_logger()


class Settler:
    """One batch at a time, each as soon as it is due. `run` it once."""

    def __init__(
        self,
        number: int,
        place: Place,
        shared: Shared,
        listener: Listener,
        has_ended: Callable[[], bool],
    ) -> None:
        """`has_ended` says whether anything more may be admitted; `wake` it when that changes."""
        self._number = number
        self._place = place
        self._ledger = place.ledger
        self._shared = shared
        self._listener = listener
        self._has_ended = has_ended
        self._loop = asyncio.get_running_loop()
        self._awake = asyncio.Event()
        self._awake.set()
        self._sleeps_until: float | None = None
        self.settled_at = self._loop.time()
        """When the journal last answered."""

    async def run(self) -> None:
        """Return when all is settled that was and will be admitted. Raises StatusError."""
        while True:
            complete = self._is_complete()
            batch = self._ledger.freeze(self._loop.time(), flush=complete)
            if batch is not None:
                await self._record(batch)
                await self._listener.room()
            elif complete and self._ledger.unsettled == 0:
                return
            else:
                await self._sleep(self._ledger.due(self._loop.time()))

    def wake(self) -> None:
        """Have it look again."""
        self._awake.set()

    def poke(self, now: float) -> None:
        """Wake it if a batch is due earlier than it believes. Cheap: called for every message."""
        if self._awake.is_set():
            return
        due = self._ledger.due(now)
        earlier = due is not None and (self._sleeps_until is None or due < self._sleeps_until)
        if earlier or self._is_complete():
            self._awake.set()

    def _is_complete(self) -> bool:
        """Nothing more comes, and all that came has an outcome."""
        return self._has_ended() and self._ledger.awaited == 0

    async def _sleep(self, until: float | None) -> None:
        """Wait to be woken, at most until then."""
        self._awake.clear()
        self._sleeps_until = until
        try:
            async with asyncio.timeout_at(until):
                await self._awake.wait()
        except TimeoutError:
            pass
        finally:
            self._awake.set()  # nobody needs to wake it before it sleeps again

    async def _record(self, batch: Batch) -> None:
        upload = await self._shared.recorder.record(fold(batch, self._place.upload_id))
        answer = self._answered(upload)
        self._place.numbering.settled(upload.next_offset)
        self._shared.memory.release(self._number, answer.released_bytes)
        if answer.overtaken:
            self._shared.dispatching.discard(self._number, upload.next_offset)
        if upload.next_offset != batch.end_offset:
            self._note_collision(batch, upload)
        self.settled_at = self._loop.time()
        self._shared.metrics.settled.inc(answer.settled)
        for refusal in answer.refusals:
            self._shared.metrics.refused.labels(RefusalReason.Name(refusal.reason)).inc()
        self._listener.told(answer.refusals, upload)

    def _answered(self, upload: Upload) -> Answer:
        try:
            return self._ledger.answered(upload.next_offset)
        except WentBackwardsError as error:
            log.error(  # noqa: TRY400 - the message says it all
                "upload went backwards",
                upload_id=self._place.upload_id,
                known=error.known,
                next_offset=error.next_offset,
                remedy="the journal was replaced by an older one: see what it holds, then resume",
            )
            raise StatusError(grpc.StatusCode.ABORTED, str(error)) from error

    def _note_collision(self, batch: Batch, upload: Upload) -> None:
        self._shared.metrics.collisions.inc()
        log.info(
            "batch collided, cut anew",
            upload_id=self._place.upload_id,
            first_offset=batch.first_offset,
            end_offset=batch.end_offset,
            next_offset=upload.next_offset,
        )
