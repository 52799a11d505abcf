"""Serves one client stream: reads its input, carries out what `core.clients.stream` decides."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import structlog
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_runtime.status import StatusError

from newstally_gateway.alarm import Alarm
from newstally_gateway.clients.replies import Replies
from newstally_gateway.clients.shared import Shared
from newstally_gateway.clients.statuses import to_error
from newstally_gateway.clients.tracing import UNTRACED, StreamTrace
from newstally_gateway.core.clients.admission import Share
from newstally_gateway.core.clients.batches import Batch, fold
from newstally_gateway.core.clients.effects import (
    Collided,
    Discard,
    Effect,
    End,
    FindUpload,
    MakeRoom,
    Record,
    Release,
    Tell,
    TellDraining,
    WentBackwards,
)
from newstally_gateway.core.clients.intake import Incoming
from newstally_gateway.core.clients.statuses import Reason, Status
from newstally_gateway.core.clients.stream import Stream
from newstally_gateway.core.diary import Figures
from newstally_gateway.core.keys.callers import Caller
from newstally_gateway.core.outcomes import Outcome
from newstally_gateway.core.tasks import Task

EXPULSION_SECONDS = 3.0
"""What a stream gets for settling whose caller is not let in any more."""

log = structlog.get_logger()


class Session:
    """Serves one client stream. `run` it once."""

    def __init__(
        self,
        number: int,
        caller: Caller,
        messages: AsyncIterator[Incoming],
        shared: Shared,
        replies: Replies,
        announce: Callable[[str], Awaitable[None]],
        make_room: Callable[[], None],
        trace: StreamTrace = UNTRACED,
        *,
        used: Callable[[int, float], None],
        spent: Callable[[int], None] | None = None,
    ) -> None:
        """`number` is unique over the life of the process.

        `announce` is called with the upload_id before anything else is told to the client;
        `make_room` when there is no memory for the stream; `used` with the bytes of each article
        that is admitted, and the time; `spent` with the microseconds that each article took of an
        extractor. `trace`: hears what happens.
        """
        self.trace = trace
        """What is recorded of it."""
        self._traced = trace.articles
        self._number = number
        self.caller = caller
        """Whose stream it is, as of the last look."""
        self._spent = spent
        self._messages = messages
        self._shared = shared
        self._replies = replies
        self._announce = announce
        self._make_room = make_room
        self._used = used
        self._memory = Share(shared.memory, number, self._granted)
        self._stream = Stream(
            number,
            self._memory,
            shared.limits,
            shared.max_content_bytes,
            shared.counters,
            None if caller.key is None else self._may_write,
        )
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reads = asyncio.Event()
        self._paused = False
        self._ended = asyncio.Event()
        self._carrying = False
        self._alarm = Alarm(self._loop, self._wake)
        replies.made_room = self._told
        self.figures = Figures(streams=1)
        """What it came to so far."""

    def _may_write(self, publication: str) -> bool:
        return self.caller.may_write(publication)  # as of the last look

    @property
    def upload_id(self) -> str:
        """The upload it adds to; empty while it is not known."""
        return self._stream.upload_id

    @property
    def where(self) -> dict[str, str]:
        """What its log lines carry."""
        return {"upload_id": self.upload_id, **self.trace.ids}

    @property
    def idle_since(self) -> float | None:
        """Since when it is idle; None while it has something to do."""
        return self._stream.idle_since

    @property
    def outcome(self) -> str:
        """How it ended: OK, the status it was refused with, or CANCELLED if its client went."""
        if self._stream.status is not None:
            return to_error(self._stream.status).code.name
        return "OK" if self._ended.is_set() else "CANCELLED"

    async def run(self) -> None:
        """Serve the stream; return when all its input is settled.

        Raises StatusError, and nothing else: a fault ends this stream and no other.
        """
        weight = 1 if self.caller.key is None else self.caller.key.weight
        self._shared.dispatching.open(self._number, self, self.caller.owner, weight, self._spent)
        try:
            self._do(self._stream.begin)
            self._spawn(self._read(), "reader")
            await self._ended.wait()
        finally:
            self._stream.forget()
            self._alarm.cancel()
            self._shared.dispatching.close(self._number)
            self._memory.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._stream.status is not None:
            raise to_error(self._stream.status)

    # What others ask of it

    def refuse(self, status: Status) -> None:
        """See `Stream.refuse`, and likewise for the others."""
        self._do(self._stream.refuse, status)

    def drain(self) -> None:
        """Go away."""
        self._do(self._stream.drain)

    def make_room(self) -> None:
        """Leave to somebody who has something to send."""
        self._do(self._stream.make_room)

    def give_up(self) -> None:
        """Settle no more."""
        self._do(self._stream.give_up)

    def reject(self, error: StatusError) -> None:
        """End soon: its caller is not let in any more."""
        status = Status(Reason.REJECTED, error=error)
        self.refuse(status)
        self._loop.call_later(EXPULSION_SECONDS, self._do, self._stream.expel, status)

    # The replicas' side: whatever goes wrong here must not reach the link that it came from

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        if self._traced is not None:
            self._traced.ready(offset, outcome)
        try:
            self._stream.ready(offset, outcome, now)
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)
            self._carry(now)

    def poke(self, now: float) -> None:
        """Look at what has become ready."""
        self._do_at(now, self._stream.wake)

    # Events

    def _granted(self) -> None:
        self._do(self._stream.granted)

    def _told(self) -> None:
        self._do(self._stream.told)

    def _wake(self) -> None:
        self._do(self._stream.wake)

    async def _read(self) -> None:
        """Feed the stream with its input, as far as it reads."""
        async for message in self._messages:
            now = self._loop.time()
            try:
                self._stream.received(message, now)
            except Exception as fault:  # noqa: BLE001 - logged, and told to the client
                self._fail(fault)
            self._carry(now)
            del message  # it may be large, and the next one may have to wait
            while not self._stream.reads:
                self._reads.clear()
                self._paused = True
                await self._reads.wait()
        self._do(self._stream.input_ended)

    async def _find(self, upload_id: str) -> None:
        uploads, caller = self._shared.uploads, self.caller
        try:
            upload, opened = await (
                uploads.get(upload_id, caller) if upload_id else uploads.create(caller)
            )
        except StatusError as error:
            self._do(self._stream.refuse, Status(Reason.PERSISTER, error=error))
            return
        await self._announce(upload.upload_id)
        self._do(self._stream.found, upload, opened)

    async def _record(self, batch: Batch) -> None:
        span = self.trace.recording(batch)
        try:
            request = fold(batch, *self._stream.opened)
            upload = await self._shared.recorder.record(request, self.caller, span.traceparent)
        except StatusError as error:
            span.end(error.code.name)
            self._do(self._stream.not_recorded, Status(Reason.PERSISTER, error=error))
        else:
            span.end(next_offset=upload.next_offset)
            self._do(self._stream.recorded, upload)
        finally:
            span.end("unanswered")

    def _do(self, event: Callable[..., None], *args: object) -> None:
        self._do_at(self._loop.time(), event, *args)

    def _do_at(self, now: float, event: Callable[..., None], *args: object) -> None:
        """Let the stream decide what an event means, and carry it out. Never raises."""
        try:
            event(*args, now)
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)
        self._carry(now)

    def _fail(self, fault: Exception) -> None:
        """Have the stream end for a fault of ours; log the first."""
        status = self._stream.status
        if status is None or status.reason is not Reason.FAULT:
            log.error(
                "stream failed",
                **self.where,
                exc_info=fault,
                remedy="a fault of the gateway: report it",
            )
            self._stream.fail(self._loop.time())

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run what has to be waited for, until it is done or the stream ends."""
        task = asyncio.create_task(self._guard(work), name=f"{name} {self._number}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)
            self._carry(self._loop.time())

    def _carry(self, now: float) -> None:
        """Carry out what is to be done, and what that sets off; then wait for what comes next."""
        if self._carrying:
            return
        self._carrying = True
        effects = self._stream.effects
        while effects:
            effect = effects.popleft()
            try:
                if type(effect) is Task:  # almost every effect is one
                    if self._traced is not None:
                        effect = self._traced.admitted(effect, now)
                    self._shared.dispatching.add(effect)
                    self._used(effect.size_bytes, now)
                else:
                    self._carry_out(effect)
            except Exception as fault:  # noqa: BLE001 - logged, and told to the client
                self._fail(fault)
        self._carrying = False
        if self._paused and self._stream.reads:
            self._paused = False
            self._reads.set()
        self._alarm.set(self._stream.wakes_at(now))

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Release(charge):
                self._memory.release(charge)
            case Record(batch):
                self._spawn(self._record(batch), "recorder")
            case Tell():
                self._tell(effect)
            case Discard(below):
                self._shared.dispatching.discard(self._number, below)
            case FindUpload(upload_id):
                self._spawn(self._find(upload_id), "finder")
            case TellDraining():
                self._replies.draining()
            case MakeRoom():
                self._make_room()
            case End():
                self._ended.set()
            case Collided() | WentBackwards():
                self._note(effect)

    def _tell(self, news: Tell) -> None:
        self._shared.metrics.settled.inc(news.settled)
        if self._traced is not None:
            self._traced.settled(news.upload.next_offset)
        self.figures = self.figures.plus(Figures(0, news.settled, len(news.refusals)))
        for refusal in news.refusals:
            self._shared.metrics.refused.labels(RefusalReason.Name(refusal.reason)).inc()
        self._replies.told(news.refusals, news.upload)
        if self._replies.has_room:
            self._told()

    def _note(self, mishap: Collided | WentBackwards) -> None:
        if isinstance(mishap, Collided):
            self._shared.metrics.collisions.inc()
            log.info(
                "batch collided, cut anew",
                **self.where,
                first_offset=mishap.batch.first_offset,
                end_offset=mishap.batch.end_offset,
                next_offset=mishap.next_offset,
            )
        else:
            log.error(
                "upload went backwards",
                **self.where,
                known=mishap.known,
                next_offset=mishap.next_offset,
                remedy="the journal was replaced by an older one: see what it holds, then resume",
            )
