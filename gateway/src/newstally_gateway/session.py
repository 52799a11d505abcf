"""One client stream, from its first message until everything admitted is settled.

A reader task feeds the intake, a settler task has batches recorded. The end of the input, the
client's death and its cancel look alike here (grpc/grpc#33038): what was admitted is settled until
somebody cancels `run`.

    opening ──upload known──▶ reading ──end of input──▶ finishing ──all settled──▶ ended OK
       │                         │                          │
       └──── error, draining ────┴──────────────────────────┴──▶ refusing ──settled, and
                                                          input read away──▶ ended with status
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
from google.protobuf.message import Message
from newstally_runtime.status import StatusError, wait

from newstally_gateway.core.outcomes import Outcome
from newstally_gateway.intake import Intake, Request, Shared
from newstally_gateway.listeners import Listener
from newstally_gateway.settler import Settler

FIRST_MESSAGE_SECONDS = 60.0
"""How long a stream may stay open without a first message."""
READ_AWAY_BYTES = 16 * 1024 * 1024
"""How much of the input of a refused stream is read and dropped before its status is sent."""
READ_AWAY_SECONDS = 5.0
"""How long that may take."""
QUIET_SECONDS = 0.5
"""A refused client that sends nothing for so long is not writing: it gets its status at once."""
COME_AGAIN_SECONDS = 2.0
"""What a client is asked to wait when there are too many streams."""


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
        self._requests = requests
        self._shared = shared
        self._listener = listener
        self._intake = Intake(number, owner, shared, listener, announce, self._refused)
        self._settler: Settler | None = None
        self._settling: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._stirred = asyncio.Event()
        self._heard_first = False
        self._input_ended = False
        self._refusal: StatusError | None = None
        self._given_up = False
        self._finished = False
        self._dropped_bytes = 0
        self._heard_at = 0.0

    @property
    def upload_id(self) -> str:
        """The upload it adds to; empty while it is not known."""
        place = self._intake.place
        return "" if place is None else place.upload_id

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
            self.refuse(wait(COME_AGAIN_SECONDS, "too many open streams; see --memory-bytes"))
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
            self._stir()

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
        if self._settling is not None:
            self._settling.cancel()

    # The hub's side

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        if self._intake.place is not None:
            self._intake.place.ledger.ready(offset, outcome, now)

    def poke(self, now: float) -> None:
        """Look at what has become ready."""
        if self._settler is not None:
            self._settler.poke(now)

    # Both tasks

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(), name=f"reader {self._number}")
            self._settling = group.create_task(self._settle(), name=f"settler {self._number}")
            await asyncio.wait({self._settling})
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

    def _stir(self) -> None:
        """Have the settling side look at what has changed."""
        self._stirred.set()
        if self._settler is not None:
            self._settler.wake()

    # The reader

    async def _read(self) -> None:
        try:
            async for request in self._requests:
                if not self._heard_first:
                    self._heard_first = True
                    self._stirred.set()
                if self._refusal is None:
                    await self._take(request)
                elif not self._drop(request):
                    break
        finally:
            self._input_ended = True
            self._stir()

    async def _take(self, request: Request) -> None:
        try:
            await self._intake.take(request)
        except StatusError as error:
            self.refuse(error)
        if self._settler is None:
            self._stirred.set()

    def _refused(self, offset: int, outcome: Outcome) -> None:
        now = self._loop.time()
        self.ready(offset, outcome, now)
        self.poke(now)

    def _drop(self, request: Message) -> bool:
        """Pass a message over; False when enough was read away."""
        self._heard_at = self._loop.time()
        self._dropped_bytes += request.ByteSize()
        return self._dropped_bytes < READ_AWAY_BYTES

    # The settler

    def _has_ended(self) -> bool:
        return self._input_ended or self._refusal is not None

    async def _settle(self) -> None:
        await self._until_opened()
        place = self._intake.place
        if place is not None:
            self._settler = Settler(
                self._number, place, self._shared, self._listener, self._has_ended
            )
            try:
                await self._settler.run()
            except StatusError as error:
                self.refuse(error)

    async def _until_opened(self) -> None:
        """Wait until the upload is known, or never will be."""
        try:
            async with asyncio.timeout(FIRST_MESSAGE_SECONDS) as patience:
                while self._intake.place is None and not self._has_ended():
                    self._stirred.clear()
                    await self._stirred.wait()
                    if self._heard_first:
                        patience.reschedule(None)  # finding the upload has a deadline of its own
        except TimeoutError:
            self.refuse(StatusError(grpc.StatusCode.UNAVAILABLE, "no first message came"))


def draining() -> StatusError:
    """Return what ends a stream of a gateway that goes away."""
    return StatusError(grpc.StatusCode.UNAVAILABLE, "draining, resume elsewhere")
