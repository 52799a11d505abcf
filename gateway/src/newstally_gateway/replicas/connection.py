"""Carries one link over gRPC."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import grpc
import structlog
from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1.extractor_pb2 import ExtractRequest, ExtractResponse
from newstally_protos.v1.extractor_pb2_grpc import ExtractorServiceStub
from newstally_runtime.observing.recent import Rate

from newstally_gateway.core.replicas.dispatching import Dispatching
from newstally_gateway.core.replicas.link import End, Link, State
from newstally_gateway.metrics import Metrics
from newstally_gateway.replicas.requests import REQUEST_ARTICLES, WORK_OVERHEAD_BYTES, make_request

LINGER_SECONDS = 0.002
"""How long articles for a busy replica are collected: a message costs more than an article."""

Call = grpc.aio.StreamStreamCall[ExtractRequest, ExtractResponse]
Connect = Callable[[str], grpc.aio.Channel]

log = structlog.get_logger()


class Connection:
    """The reader and the writer of one stream, for a link that decides. `run` it once."""

    def __init__(self, address: str, dispatching: Dispatching, metrics: Metrics) -> None:
        self._address = address
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._unsent = asyncio.Event()
        self._turned = asyncio.Event()
        self._model: str | None = None
        self.link = Link(dispatching, self, self._loop.time(), address)
        """What decides."""
        self.articles = Rate(self._loop.time())
        """Articles answered of late."""
        self.bytes = Rate(self._loop.time())
        """Their content."""

    async def run(self, channel: grpc.aio.Channel) -> End:
        """Connect, and serve until the link ends."""
        call: Call = ExtractorServiceStub(channel).Extract()
        reader = asyncio.create_task(self._read(call), name=f"link reader {self._address}")
        writer = asyncio.create_task(self._write(call), name=f"link writer {self._address}")
        for task in (reader, writer):
            task.add_done_callback(lambda _: self.turned())
        try:
            return await self._follow(call, reader, writer)
        finally:
            self.link.cancel("cancelled", self._loop.time())
            self._show_end()
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            call.cancel()

    def retire(self) -> None:
        """Take nothing more; end the stream when all is answered."""
        self.link.retire(self._loop.time())

    # What the link wants to be done

    def unsent(self) -> None:
        """Wake the writer."""
        self._unsent.set()
        self._show()

    def turned(self) -> None:
        """Wake `run`."""
        self._turned.set()

    def too_slow(self) -> None:
        """Log it, with what can be done."""
        log.warning("replica too slow", link=self._address, remedy="see --article-timeout")

    def defective(self, model: str, defect: str) -> None:
        """Log it, with what can be done."""
        log.error(
            "replica answers wrongly",
            link=self._address,
            model=model,
            defect=defect,
            remedy="such articles are refused; a fault of the extractor: please report it",
        )

    # The stream

    async def _follow(
        self, call: Call, reader: asyncio.Task[None], writer: asyncio.Task[None]
    ) -> End:
        """Do what the link's state asks for, until it has ended."""
        link = self.link
        told_draining = False
        while True:
            if link.is_welcomed and self._model is None:
                self._show_welcome()
            if link.draining and not told_draining:
                told_draining = True
                log.info("replica drains", link=self._address)
            if link.end is not None:
                return link.end
            if link.state is State.LEAVING and not writer.done():
                writer.cancel()
                with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    await call.done_writing()
            for task in (reader, writer):
                if task.done() and not task.cancelled():
                    task.result()  # a fault of ours ends the process
            self._turned.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(link.deadline):
                    await self._turned.wait()
            link.tick(self._loop.time())

    async def _read(self, call: Call) -> None:
        try:
            while isinstance(response := await call.read(), ExtractResponse):
                now, before = self._loop.time(), self.link.outstanding_bytes
                self.link.received(response, now)
                if results := len(response.results.results):
                    self._metrics.link_results.labels(self._address).inc(results)
                    self.articles.add(results, now)
                    self.bytes.add(before - self.link.outstanding_bytes, now)
                    self._show()
        except grpc.aio.AioRpcError as error:
            self.link.ended(f"{error.code().name}: {error.details()}", self._loop.time())
        else:
            self.link.ended("ended by the replica", self._loop.time())

    async def _write(self, call: Call) -> None:
        """Write until cancelled; return when the stream is broken: the reader hears the status."""
        link = self.link
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                await self._unsent.wait()
                self._unsent.clear()
                while link.has_unsent:
                    if link.is_busy:
                        await asyncio.sleep(LINGER_SECONDS)
                    attempts = link.take_unsent(
                        REQUEST_ARTICLES, SEND_LIMIT_BYTES, WORK_OVERHEAD_BYTES
                    )
                    await call.write(make_request(attempts, link.take_withdrawn()))

    # Metrics

    def _show_welcome(self) -> None:
        welcome = self.link.welcome
        self._model = self.link.model
        self._metrics.link_connects.labels(self._address).inc()
        self._metrics.link_up.labels(self._address, self._model).set(1)
        log.info(
            "link up",
            link=self._address,
            model=self._model,
            replica_release=welcome.release,
            replica_revision=welcome.revision,
            instance_id=welcome.instance_id,
            window_articles=welcome.window.articles,
            window_bytes=welcome.window.bytes,
        )

    def _show_end(self) -> None:
        if self._model is not None:
            self._metrics.link_up.labels(self._address, self._model).set(0)
            self._show()

    def _show(self) -> None:
        self._metrics.link_articles.labels(self._address).set(self.link.outstanding_articles)
        self._metrics.link_bytes.labels(self._address).set(self.link.outstanding_bytes)
