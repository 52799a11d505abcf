"""One client stream, from its first message until everything admitted is settled.

A reader task numbers, validates and admits what comes in; the session itself settles: it freezes
batches, has them recorded and tells the client. The end of the input, the client's death and its
cancel look alike here (grpc/grpc#33038): what was admitted is settled until somebody cancels `run`.

    opening ──upload known──▶ reading ──end of input──▶ finishing ──all settled──▶ ended OK
       │                         │                          │
       └──── error, draining ────┴──────────────────────────┴──▶ refusing ──settled, and
                                                          input read away──▶ ended with status
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import grpc
import structlog
from google.protobuf.message import Message
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest, UploadArticlesRequest
from newstally_runtime.status import StatusError, invalid, wait

from newstally_gateway.core.admission import BASE_CHARGE_BYTES, charge_bytes
from newstally_gateway.core.batches import Batch, fold
from newstally_gateway.core.ledger import BatchLimits, Ledger, WentBackwardsError
from newstally_gateway.core.numbering import GapError, Numbering, NumberingError
from newstally_gateway.core.outcomes import Outcome, refuse_flawed
from newstally_gateway.core.tasks import Task
from newstally_gateway.core.validation import ARTICLE_ID_LIMIT_BYTES, Accepted, Flaw, validate
from newstally_gateway.hub import Hub
from newstally_gateway.listeners import Listener
from newstally_gateway.memory import Memory
from newstally_gateway.metrics import Metrics
from newstally_gateway.recorder import Recorder
from newstally_gateway.uploads import Uploads

FIRST_MESSAGE_SECONDS = 60.0
"""How long a stream may stay open without a first message."""
READ_AWAY_BYTES = 16 * 1024 * 1024
"""How much of the input of a refused stream is read and dropped before its status is sent."""
READ_AWAY_SECONDS = 5.0
"""How long that may take."""
QUIET_SECONDS = 0.5
"""A refused client that sends nothing for so long is not writing: it gets its status at once."""

Request = StreamArticlesRequest | UploadArticlesRequest

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of the process share."""

    hub: Hub
    memory: Memory
    recorder: Recorder
    uploads: Uploads
    metrics: Metrics
    limits: BatchLimits
    max_content_bytes: int


class Session:
    """The reader and the settler of one client stream. `run` it once."""

    def __init__(
        self,
        number: int,
        owner: str,
        requests: AsyncIterator[Request],
        shared: Shared,
        listener: Listener,
        announce: Callable[[str], Awaitable[None]],
    ) -> None:
        """`number` is unique over the life of the process.

        `announce` is called with the upload_id before anything else is told to the client.
        """
        self._number = number
        self._owner = owner
        self._requests = requests
        self._shared = shared
        self._listener = listener
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._upload_id = ""
        self._numbering = Numbering(0, named=True)
        self._ledger: Ledger | None = None
        self._refusal: StatusError | None = None
        self._input_ended = False
        self._finished = False
        self._dropped_bytes = 0
        self._heard_at = 0.0
        self._wake = asyncio.Event()
        self._sleeps_until: float | None = None
        self._settler: asyncio.Task[None] | None = None
        self._given_up = False

    @property
    def upload_id(self) -> str:
        """The upload it adds to; empty while it is not known."""
        return self._upload_id

    @property
    def outcome(self) -> str:
        """How it ended: OK, the status it was refused with, or CANCELLED if its client went."""
        if self._refusal is not None:
            return self._refusal.code.name
        return "OK" if self._finished else "CANCELLED"

    async def run(self) -> None:
        """Serve the stream; return when all its input is settled. Raises StatusError."""
        if self._refusal is not None:
            await self._serve()
        elif not self._shared.memory.open(self._number):
            self.refuse(_too_many_streams())
            await self._serve()
        else:
            self._shared.hub.open(self._number, self)
            try:
                await self._serve()
            finally:
                self._shared.hub.close(self._number)
                self._shared.memory.close(self._number)
        if self._refusal is not None:
            raise self._refusal
        self._finished = True

    def refuse(self, error: StatusError) -> None:
        """Take nothing more in; settle what was admitted; then end with the error.

        The first error counts.
        """
        if self._refusal is None:
            self._refusal = error
            self._heard_at = self._loop.time()
            self._wake.set()

    def drain(self) -> None:
        """Tell the client to go elsewhere, and end as soon as what was admitted is settled.

        A client that has ended its input gets OK if all of it is settled in time.
        """
        self._listener.draining()
        if not self._input_ended:
            self.refuse(draining())

    def give_up(self) -> None:
        """Settle no more: time is over. What is not settled was not acknowledged."""
        self.refuse(draining())
        self._given_up = True
        if self._settler is not None:
            self._settler.cancel()

    # The hub's side

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        if self._ledger is not None:
            self._ledger.ready(offset, outcome, now)

    def poke(self, now: float) -> None:
        """Wake the settler if a batch is due earlier than it believes."""
        if self._ledger is None or self._wake.is_set():
            return
        due = self._ledger.due(now)
        earlier = due is not None and (self._sleeps_until is None or due < self._sleeps_until)
        if earlier or self._is_complete():
            self._wake.set()

    # Both tasks

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(), name=f"reader {self._number}")
            self._settler = group.create_task(self._settle(), name=f"settler {self._number}")
            await asyncio.wait({self._settler})
            await self._read_away(reader)
            reader.cancel()

    async def _read_away(self, reader: asyncio.Task[None]) -> None:
        """Wait, within bounds, until a refused client has stopped writing.

        A client that is writing when its stream ends reports INTERNAL, not the status
        (grpc/grpc#36066).
        """
        patience = QUIET_SECONDS if self._given_up else READ_AWAY_SECONDS
        give_up_at = self._loop.time() + patience
        while not reader.done() and self._refusal is not None:
            until = min(self._heard_at + QUIET_SECONDS, give_up_at)
            pause = until - self._loop.time()
            if pause <= 0:
                break
            await asyncio.wait({reader}, timeout=pause)

    # The reader

    async def _read(self) -> None:
        try:
            async for request in self._requests:
                if self._refusal is None:
                    try:
                        await self._take(request)
                    except StatusError as error:
                        self.refuse(error)
                elif not self._drop(request):
                    break
        finally:
            self._input_ended = True
            self._wake.set()

    def _drop(self, request: Message) -> bool:
        """Pass a message over; False when enough was read away."""
        self._heard_at = self._loop.time()
        self._dropped_bytes += request.ByteSize()
        return self._dropped_bytes < READ_AWAY_BYTES

    async def _take(self, request: Request) -> None:
        offset = request.offset if request.HasField("offset") else None
        if self._ledger is None:
            await self._open(request.upload_id, offset)
            if self._refusal is not None:
                return
        elif request.upload_id and request.upload_id != self._upload_id:
            raise invalid("upload_id", "is another one than the stream's")
        try:
            placed = self._numbering.place(offset)
        except NumberingError as error:
            raise _misplaced(error) from error
        if not placed.fresh:
            self._shared.metrics.passed_over.inc()
            return
        article = request.article if request.HasField("article") else None
        verdict = validate(article, self._shared.max_content_bytes)
        article_id = request.article.article_id[:ARTICLE_ID_LIMIT_BYTES]
        del request, article  # it may be large, and has to wait now
        await self._admit(placed.offset, verdict, article_id)

    async def _admit(self, offset: int, verdict: Accepted | Flaw, article_id: str) -> None:
        charge = (
            charge_bytes(verdict.size_bytes) if isinstance(verdict, Accepted) else BASE_CHARGE_BYTES
        )
        await self._shared.memory.admit(self._number, charge)
        ledger = self._opened
        if not ledger.admit(offset, charge):
            self._shared.memory.release(self._number, charge)
            return
        self._shared.metrics.received.inc()
        if isinstance(verdict, Accepted):
            self._shared.hub.add(
                Task(
                    stream=self._number,
                    offset=offset,
                    publication=verdict.publication,
                    article_id=verdict.article_id,
                    content=verdict.content,
                    size_bytes=verdict.size_bytes,
                )
            )
        else:
            now = self._loop.time()
            ledger.ready(offset, refuse_flawed(offset, article_id, verdict), now)
            self.poke(now)

    async def _open(self, upload_id: str, offset: int | None) -> None:
        if upload_id:
            upload = await self._shared.uploads.get(upload_id, self._owner)
        else:
            try:
                Numbering(0, named=False).place(offset)
            except NumberingError as error:  # before an upload is made for nothing
                raise _misplaced(error) from error
            upload = await self._shared.uploads.create(self._owner)
        self._upload_id = upload.upload_id
        self._numbering = Numbering(upload.next_offset, named=bool(upload_id))
        await self._announce(upload.upload_id)
        self._listener.told((), upload)
        self._ledger = Ledger(upload.next_offset, self._shared.limits)
        self._wake.set()

    # The settler

    @property
    def _opened(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("the stream's upload is not known yet")
        return self._ledger

    def _is_complete(self) -> bool:
        """Nothing new comes, and all that came has an outcome."""
        ended = self._input_ended or self._refusal is not None
        return ended and (self._ledger is None or self._ledger.awaited == 0)

    async def _settle(self) -> None:
        first_until = self._loop.time() + FIRST_MESSAGE_SECONDS
        while self._ledger is None and not self._is_complete():
            await self._sleep(first_until)
            if self._ledger is None and self._loop.time() >= first_until:
                self.refuse(StatusError(grpc.StatusCode.UNAVAILABLE, "no first message came"))
        if self._ledger is not None:
            try:
                await self._settle_all(self._ledger)
            except StatusError as error:
                self.refuse(error)

    async def _settle_all(self, ledger: Ledger) -> None:
        while True:
            complete = self._is_complete()
            batch = ledger.freeze(self._loop.time(), flush=complete)
            if batch is not None:
                await self._record(ledger, batch)
                await self._listener.room()
            elif complete and ledger.unsettled == 0:
                return
            else:
                await self._sleep(ledger.due(self._loop.time()))

    async def _sleep(self, until: float | None) -> None:
        """Wait to be woken, at most until then."""
        self._wake.clear()
        self._sleeps_until = until
        try:
            async with asyncio.timeout_at(until):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            self._wake.set()  # nobody needs to wake it before it sleeps again

    async def _record(self, ledger: Ledger, batch: Batch) -> None:
        request = fold(batch, self._upload_id)
        upload = await self._shared.recorder.record(request)
        try:
            answer = ledger.answered(upload.next_offset)
        except WentBackwardsError as error:
            log.error(  # noqa: TRY400 - the message says it all
                "upload went backwards",
                upload_id=self._upload_id,
                known=error.known,
                next_offset=error.next_offset,
                remedy="the journal was replaced by an older one: see what it holds, then resume",
            )
            raise StatusError(grpc.StatusCode.ABORTED, str(error)) from error
        self._numbering.settled(upload.next_offset)
        self._shared.memory.release(self._number, answer.released_bytes)
        if answer.overtaken:
            self._shared.hub.discard(self._number, upload.next_offset)
        metrics = self._shared.metrics
        if upload.next_offset != batch.end_offset:
            metrics.collisions.inc()
            log.info(
                "batch collided, cut anew",
                upload_id=self._upload_id,
                first_offset=batch.first_offset,
                end_offset=batch.end_offset,
                next_offset=upload.next_offset,
            )
        metrics.settled.inc(answer.settled)
        for refusal in answer.refusals:
            metrics.refused.labels(RefusalReason.Name(refusal.reason)).inc()
        self._listener.told(answer.refusals, upload)


def draining() -> StatusError:
    """Return what ends a stream of a gateway that goes away."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "draining, resume elsewhere")


def _too_many_streams() -> StatusError:
    return wait(2.0, "too many open streams; see --memory-bytes")


def _misplaced(error: NumberingError) -> StatusError:
    if isinstance(error, GapError):
        return StatusError(grpc.StatusCode.OUT_OF_RANGE, str(error))
    return invalid("offset", str(error))
