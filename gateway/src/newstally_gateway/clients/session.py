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

import structlog
from newstally_runtime.status import StatusError

from newstally_gateway.clients import statuses
from newstally_gateway.clients.decoding import Incoming, size_bytes
from newstally_gateway.clients.intake import Intake, Shared
from newstally_gateway.clients.replies import Listener
from newstally_gateway.clients.settler import Settler
from newstally_gateway.core.clients.idleness import Standing
from newstally_gateway.core.outcomes import Outcome

FIRST_MESSAGE_SECONDS = 60.0
"""How long a stream may stay open without a first message."""
READ_AWAY_BYTES = 16 * 1024 * 1024
"""How much of the input of a refused stream is read and dropped before its status is sent."""
READ_AWAY_SECONDS = 5.0
"""How long that may take."""
QUIET_SECONDS = 0.5
"""A refused client that sends nothing for so long is not writing: it gets its status at once."""

log = structlog.get_logger()


class Session:
    """The reader and the settler of one client stream. `run` it once."""

    def __init__(
        self,
        number: int,
        owner: str,
        messages: AsyncIterator[Incoming],
        shared: Shared,
        listener: Listener,
        announce: Callable[[str], Awaitable[None]],
        crowded: Callable[[], None],
    ) -> None:
        """`number` is unique over the life of the process.

        `announce` is called with the upload_id before anything else is told to the client;
        `crowded` when there is no place for the stream.
        """
        self._number = number
        self._messages = messages
        self._shared = shared
        self._listener = listener
        self._crowded = crowded
        self._intake = Intake(number, owner, shared, listener, announce, self._refused)
        self._settler: Settler | None = None
        self._settling: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._stirred = asyncio.Event()
        self._heard_first = False
        self._input_ended = False
        self._refusal: StatusError | None = None
        self._given_up = False
        self._failed = False
        self._finished = False
        self._dropped_bytes = 0
        self._heard_at = self._loop.time()
        self._taking = False

    @property
    def upload_id(self) -> str:
        """The upload it adds to; empty while it is not known."""
        place = self._intake.place
        return "" if place is None else place.upload_id

    @property
    def standing(self) -> Standing:
        """Whether it has work under way, and since when it is quiet."""
        place, settler = self._intake.place, self._settler
        unsettled = place is not None and place.ledger.unsettled > 0
        settled_at = self._heard_at if settler is None else settler.settled_at
        return Standing(
            stream=self._number,
            busy=self._taking or unsettled or self._has_ended(),
            quiet_since=max(self._heard_at, settled_at),
        )

    @property
    def outcome(self) -> str:
        """How it ended: OK, the status it was refused with, or CANCELLED if its client went."""
        if self._refusal is not None:
            return self._refusal.code.name
        return "OK" if self._finished else "CANCELLED"

    async def run(self) -> None:
        """Serve the stream; return when all its input is settled.

        Raises StatusError, and nothing else: a fault ends this stream and no other.
        """
        try:
            await self._occupy()
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)
        if self._refusal is not None:
            raise self._refusal
        self._finished = True

    async def _occupy(self) -> None:
        """Serve the stream in a place of its own, if there is one and it may have it."""
        if self._refusal is not None:
            await self._serve()
        elif not self._shared.memory.open(self._number):
            self.refuse(statuses.crowded())
            self._crowded()
            await self._serve()
        else:
            self._shared.dispatching.open(self._number, self)
            try:
                await self._serve()
            finally:
                self._shared.dispatching.close(self._number)
                self._shared.memory.close(self._number)

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
            self.refuse(statuses.draining())

    def make_room(self) -> None:
        """Tell an idle client to go, and end: somebody else has something to send."""
        self._listener.draining()
        self.refuse(statuses.idle())

    def give_up(self) -> None:
        """Settle no more: time is over. What is not settled was not acknowledged."""
        self.refuse(statuses.draining())
        self._stop_settling()

    # The side of dispatching: whatever goes wrong here must not reach the link that it came from

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        """Take the outcome of an article."""
        if self._intake.place is None:
            return
        try:
            self._intake.place.ledger.ready(offset, outcome, now)
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)

    def poke(self, now: float) -> None:
        """Look at what has become ready."""
        if self._settler is None:
            return
        try:
            self._settler.poke(now)
        except Exception as fault:  # noqa: BLE001 - logged, and told to the client
            self._fail(fault)

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

    def _fail(self, fault: Exception) -> None:
        """End the stream for a fault of ours; whatever it was to end with before."""
        if self._failed:
            return
        self._failed = True
        log.error(
            "stream failed",
            upload_id=self.upload_id,
            exc_info=fault,
            remedy="a fault of the gateway: report it",
        )
        self._refusal = statuses.faulty()
        self._stop_settling()

    def _stop_settling(self) -> None:
        self._given_up = True
        if self._settling is not None:
            self._settling.cancel()

    def _stir(self) -> None:
        """Have the settling side look at what has changed."""
        self._stirred.set()
        if self._settler is not None:
            self._settler.wake()

    # The reader

    async def _read(self) -> None:
        try:
            async for message in self._messages:
                if not self._heard_first:
                    self._heard_first = True
                    self._stirred.set()
                if self._refusal is None:
                    self._heard_at = self._loop.time()
                    await self._take(message)
                elif not self._drop(message):
                    break
        finally:
            self._input_ended = True
            self._stir()

    async def _take(self, message: Incoming) -> None:
        self._taking = True
        try:
            await self._intake.take(message)
        except StatusError as error:
            self.refuse(error)
        finally:
            self._taking = False
        if self._settler is None:
            self._stirred.set()

    def _refused(self, offset: int, outcome: Outcome) -> None:
        now = self._loop.time()
        self.ready(offset, outcome, now)
        self.poke(now)

    def _drop(self, message: Incoming) -> bool:
        """Pass a message over; False when enough was read away."""
        self._heard_at = self._loop.time()
        self._dropped_bytes += size_bytes(message)
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
            self.refuse(statuses.silent())
