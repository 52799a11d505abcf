"""One stream to one replica, from connecting until it ends."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
import structlog
from newstally_protos.v1.extractor_pb2 import ExtractRequest, ExtractResponse, Result, Welcome
from newstally_protos.v1.extractor_pb2_grpc import ExtractorServiceStub

from newstally_gateway.core.tasks import Attempt, Window
from newstally_gateway.metrics import Metrics
from newstally_gateway.replicas.dispatching import Dispatching
from newstally_gateway.replicas.requests import pack

WELCOME_SECONDS = 10.0
"""How long connecting may take, the replica's Welcome included."""
FAREWELL_SECONDS = 2.0
"""How long a replica that has nothing left to answer may take to end the stream after us."""
LINGER_SECONDS = 0.002
"""How long articles for a busy replica are collected: a message costs more than an article."""

Call = grpc.aio.StreamStreamCall[ExtractRequest, ExtractResponse]
Connect = Callable[[str], grpc.aio.Channel]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended."""

    welcomed: bool
    """Whether it was up at all."""
    clean: bool
    """In good order: nothing that was unanswered is suspect."""
    reason: str
    """For people."""


class Connection:
    """The reader and the writer of one stream. `run` it once.

    What it may hold is bounded by the replica's window: the dispatcher sends no more than that.
    """

    def __init__(self, address: str, dispatching: Dispatching, metrics: Metrics) -> None:
        self._address = address
        self._dispatching = dispatching
        self._metrics = metrics
        self._model = ""
        self._unsent: deque[Attempt] = deque()
        self._unsent_news = asyncio.Event()
        self._outstanding: dict[int, int] = {}
        self._outstanding_bytes = 0
        self._retiring = False
        self._idle = asyncio.Event()
        self._broken = asyncio.Event()
        self._broken_reason = ""
        self._draining = False
        self._defect_logged = False

    @property
    def address(self) -> str:
        """The replica."""
        return self._address

    async def run(self, channel: grpc.aio.Channel) -> End:
        """Connect, and serve until the stream ends, is broken off, or is retired and idle."""
        call: Call = ExtractorServiceStub(channel).Extract()
        try:
            try:
                welcome = await _welcome(call)
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                return End(welcomed=False, clean=False, reason=_text(error))
            self._dispatching.link_up(self, welcome.instance_id, _window(welcome))
            end = End(welcomed=True, clean=False, reason="cancelled")
            try:
                with self._showing(welcome):
                    end = await self._serve(call)
            finally:
                self._dispatching.link_down(self, clean=end.clean)
            return end
        finally:
            call.cancel()

    def retire(self) -> None:
        """Take nothing more; end the stream when all is answered."""
        self._retiring = True
        self._dispatching.link_draining(self)
        self._settle_idle()

    # The side of dispatching

    def send(self, attempts: list[Attempt]) -> None:
        """Send these soon."""
        self._unsent.extend(attempts)
        for attempt in attempts:
            self._outstanding[attempt.attempt_id] = attempt.task.size_bytes
            self._outstanding_bytes += attempt.task.size_bytes
        self._unsent_news.set()
        self._show()

    def break_off(self, reason: str) -> None:
        """End the stream, whatever is unanswered."""
        self._broken_reason = reason
        self._broken.set()

    # The stream's side

    async def _serve(self, call: Call) -> End:
        reader = asyncio.create_task(self._read(call), name=f"link reader {self._address}")
        writer = asyncio.create_task(self._write(call), name=f"link writer {self._address}")
        broken = asyncio.create_task(self._broken.wait(), name=f"link breaker {self._address}")
        idle = asyncio.create_task(self._idle.wait(), name=f"link end {self._address}")
        tasks = (reader, writer, broken, idle)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                return reader.result()
            if broken.done():
                return End(welcomed=True, clean=False, reason=self._broken_reason)
            if idle.done():
                writer.cancel()
                return await self._bid_farewell(call, reader)
            return await reader  # the writer failed: the reader knows why
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _bid_farewell(self, call: Call, reader: asyncio.Task[End]) -> End:
        """End our half, and give the replica a moment to end its own."""
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await call.done_writing()
        await asyncio.wait({reader}, timeout=FAREWELL_SECONDS)
        return End(welcomed=True, clean=True, reason="no longer listed")

    async def _read(self, call: Call) -> End:
        try:
            while isinstance(response := await call.read(), ExtractResponse):
                self._take(response)
        except grpc.aio.AioRpcError as error:
            return End(welcomed=True, clean=self._draining, reason=_text(error))
        return End(welcomed=True, clean=self._draining, reason="ended by the replica")

    def _take(self, response: ExtractResponse) -> None:
        match response.WhichOneof("event"):
            case "welcome":
                self._model = _model(response.welcome)
                self._dispatching.link_window(self, _window(response.welcome))
            case "started":
                self._dispatching.started(self, response.started.ids)
            case "results":
                self._take_results(response.results.results)
            case "draining":
                self._draining = True
                self._dispatching.link_draining(self)
                log.info("replica drains", link=self._address)
            case _:  # an event of a later release
                pass

    def _take_results(self, results: Sequence[Result]) -> None:
        for result in results:
            self._outstanding_bytes -= self._outstanding.pop(result.id, 0)
        defect = self._dispatching.answered(self, results, self._model)
        if defect is not None and not self._defect_logged:
            self._defect_logged = True
            log.error(
                "replica answers wrongly",
                link=self._address,
                model=self._model,
                defect=defect,
                remedy="such articles are refused; a fault of the extractor: please report it",
            )
        self._metrics.link_results.labels(self._address).inc(len(results))
        self._show()
        self._settle_idle()

    def _settle_idle(self) -> None:
        if self._retiring and not self._outstanding:
            self._idle.set()

    async def _write(self, call: Call) -> None:
        """Write until cancelled; return when the stream is broken."""
        try:
            while True:
                await self._unsent_news.wait()
                self._unsent_news.clear()
                while self._unsent:
                    if len(self._outstanding) > len(self._unsent):
                        await asyncio.sleep(LINGER_SECONDS)
                    await call.write(pack(self._unsent))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reader hears the status

    # Metrics

    @contextmanager
    def _showing(self, welcome: Welcome) -> Iterator[None]:
        self._model = _model(welcome)
        up = self._metrics.link_up.labels(self._address, self._model)
        self._metrics.link_connects.labels(self._address).inc()
        log.info(
            "link up",
            link=self._address,
            model=self._model,
            release=welcome.release,
            instance_id=welcome.instance_id,
            window_articles=welcome.window.articles,
            window_bytes=welcome.window.bytes,
        )
        up.set(1)
        try:
            yield
        finally:
            up.set(0)
            self._outstanding.clear()
            self._outstanding_bytes = 0
            self._unsent.clear()
            self._show()

    def _show(self) -> None:
        self._metrics.link_articles.labels(self._address).set(len(self._outstanding))
        self._metrics.link_bytes.labels(self._address).set(self._outstanding_bytes)


async def _welcome(call: Call) -> Welcome:
    """Return the replica's first event. Raises TimeoutError or AioRpcError."""
    async with asyncio.timeout(WELCOME_SECONDS):
        while isinstance(response := await call.read(), ExtractResponse):
            if response.WhichOneof("event") == "welcome":
                return response.welcome
    raise TimeoutError("ended without a Welcome")


def _model(welcome: Welcome) -> str:
    return f"{welcome.model} {welcome.model_version}"


def _window(welcome: Welcome) -> Window:
    return Window(welcome.window.articles, welcome.window.bytes)


def _text(error: grpc.aio.AioRpcError | TimeoutError) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or f"no Welcome within {WELCOME_SECONDS:g} s"
