"""A replica without a model that speaks the real protocol, for tests of those who link to it.

Every capitalised word is an entity. It can be told to hold its answers, to answer twice, to be
killed by a word, and to die and come back.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from newstally_protos.v1 import draining_pb2, extractor_pb2, extractor_pb2_grpc
from newstally_protos.wire import SERVER_OPTIONS
from support import ports

LABEL = "WORD"


def entities_of(content: str) -> Counter[tuple[str, str]]:
    """What the replica answers for a text."""
    return Counter((word.lower(), LABEL) for word in content.split() if word[:1].isupper())


@dataclass(frozen=True)
class ModelBatch:
    """What went through the model together."""

    instance: int
    contents: tuple[str, ...]
    alone: bool


class ReferenceExtractor(extractor_pb2_grpc.ExtractorServiceServicer):
    def __init__(
        self,
        *,
        articles: int = 256,
        window_bytes: int = 1 << 20,
        credentials: grpc.ServerCredentials | None = None,
    ) -> None:
        self._credentials = credentials
        self.window = extractor_pb2.Window(articles=articles, bytes=window_bytes)
        self.batches: list[ModelBatch] = []
        self.answered = 0
        """Articles answered."""
        self.go = asyncio.Event()
        """After Started nothing is answered until it is set."""
        self.go.set()
        self.killers: set[str] = set()
        """A text that contains one of them ends the replica after Started; it comes back."""
        self.failing: set[str] = set()
        """A text that contains one of them is answered with a Failure."""
        self.answers = 1
        """How often each article is answered."""
        self.drain = asyncio.Event()
        """Say Draining on every link."""
        self.started = asyncio.Condition()
        """Notified whenever a model batch has begun."""
        self.links = 0
        """Links open now."""
        self.port = ports.free()
        self._instances = itertools.count(1)
        self.instance = 0
        self._server: grpc.aio.Server | None = None
        self._death: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serve as a new process would, on the same port as before."""
        self.instance = next(self._instances)
        server = grpc.aio.server(options=SERVER_OPTIONS)
        extractor_pb2_grpc.add_ExtractorServiceServicer_to_server(self, server)
        self.port = (
            server.add_insecure_port(self.address)
            if self._credentials is None
            else server.add_secure_port(self.address, self._credentials)
        )
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Die: every link breaks."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(0)

    async def close(self) -> None:
        if self._death is not None:
            await self._death
        await self.stop()

    async def until_started(self, batches: int) -> None:
        """Return when so many model batches have begun."""
        async with asyncio.timeout(60), self.started:
            await self.started.wait_for(lambda: len(self.batches) >= batches)

    async def Extract(
        self,
        request_iterator: AsyncIterator[extractor_pb2.ExtractRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[extractor_pb2.ExtractResponse]:
        instance = self.instance
        inbox: asyncio.Queue[extractor_pb2.Work | None] = asyncio.Queue()

        async def read() -> None:
            async for request in request_iterator:
                for work in request.work:
                    inbox.put_nowait(work)
            inbox.put_nowait(None)

        reader = asyncio.create_task(read())
        self.links += 1
        try:
            yield extractor_pb2.ExtractResponse(
                welcome=extractor_pb2.Welcome(
                    model="reference",
                    model_version="1",
                    release="0",
                    instance_id=f"instance-{instance}",
                    window=self.window,
                )
            )
            if self.drain.is_set():
                yield extractor_pb2.ExtractResponse(draining=draining_pb2.Draining())
                return
            while batch := await _next_batch(inbox):
                async for response in self._work_on(instance, batch):
                    yield response
                if self.drain.is_set():
                    yield extractor_pb2.ExtractResponse(draining=draining_pb2.Draining())
                    return
        finally:
            self.links -= 1
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _work_on(
        self, instance: int, batch: list[extractor_pb2.Work]
    ) -> AsyncIterator[extractor_pb2.ExtractResponse]:
        async with self.started:
            contents = tuple(work.content for work in batch)
            self.batches.append(ModelBatch(instance, contents, batch[0].alone))
            self.started.notify_all()
        yield extractor_pb2.ExtractResponse(
            started=extractor_pb2.Started(ids=[work.id for work in batch])
        )
        if any(killer in work.content for killer in self.killers for work in batch):
            if self._death is None or self._death.done():
                self._death = asyncio.create_task(self._die_and_come_back())
            await asyncio.Event().wait()  # until the server is gone
        await self.go.wait()
        results = [self._result(work) for work in batch]
        for _ in range(self.answers):
            yield extractor_pb2.ExtractResponse(results=extractor_pb2.Results(results=results))
        self.answered += len(batch)

    def _result(self, work: extractor_pb2.Work) -> extractor_pb2.Result:
        if any(word in work.content for word in self.failing):
            return extractor_pb2.Result(
                id=work.id,
                failure=extractor_pb2.Failure(
                    reason=extractor_pb2.FAILURE_REASON_EXTRACTION_FAILED, message="cannot"
                ),
            )
        return extractor_pb2.Result(
            id=work.id,
            entities=extractor_pb2.ArticleEntities(
                entities=[
                    extractor_pb2.EntityMentions(text=text, label=label, mentions=n)
                    for (text, label), n in entities_of(work.content).items()
                ]
            ),
        )

    async def _die_and_come_back(self) -> None:
        await self.stop()
        await self.start()


async def _next_batch(inbox: asyncio.Queue[extractor_pb2.Work | None]) -> list[extractor_pb2.Work]:
    """Take what waits; work that is alone is a batch of its own. Empty: the link has ended."""
    first = await inbox.get()
    batch = [first] if first is not None else []
    while batch and not batch[-1].alone and not inbox.empty():
        following = inbox.get_nowait()
        if following is None or following.alone:
            inbox._queue.appendleft(following)  # type: ignore[attr-defined] # back to its head
            break
        batch.append(following)
    return batch


@asynccontextmanager
async def reference_extractor(
    *, articles: int = 256, window_bytes: int = 1 << 20
) -> AsyncIterator[ReferenceExtractor]:
    """A replica that serves on a free port of 127.0.0.1."""
    extractor = ReferenceExtractor(articles=articles, window_bytes=window_bytes)
    await extractor.start()
    try:
        yield extractor
    finally:
        extractor.go.set()
        await extractor.close()
