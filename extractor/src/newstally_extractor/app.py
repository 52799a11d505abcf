"""The extractor as the runtime sees it."""

import asyncio
from collections.abc import Sequence

import grpc
import structlog
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1 import extractor_pb2_grpc as pb_grpc
from newstally_protos.v1.status_pb2 import ReplicaReport
from newstally_runtime.admin import Readiness
from newstally_runtime.service import Lifecycle

from newstally_extractor.core.inbox import Inbox
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import naming_of
from newstally_extractor.engines.engine_thread import EngineThread
from newstally_extractor.gateways.link_service import LinkService
from newstally_extractor.gateways.tracing import Tracing
from newstally_extractor.gateways.work_loop import WorkLoop
from newstally_extractor.metrics import Metrics
from newstally_extractor.settings import ExtractorSettings

DRAIN_MARGIN_SECONDS = 1.0
"""Part of the drain time that is kept for ending the streams (half of it, if it is short)."""

REPORT_SECONDS = 3.0
"""How often the gateways are told how it is."""

log = structlog.get_logger()


class ExtractorService:
    """One replica: a model that is loaded, and the links that feed it."""

    def __init__(
        self,
        settings: ExtractorSettings,
        thread: EngineThread,
        metrics: Metrics,
        lifecycle: Lifecycle,
    ) -> None:
        """Put the parts together; nothing runs yet."""
        self._thread = thread
        self._metrics = metrics
        self._lifecycle = lifecycle
        self._process = lifecycle.process
        engine = thread.engine
        self._work = WorkLoop(
            engine=thread,
            inbox=Inbox[Link](settings.batch_chars, settings.batch_articles),
            window=Window(settings.window_articles, settings.window_bytes),
            identity=pb.Welcome(
                model=engine.model,
                model_version=engine.model_version,
                naming=naming_of(engine),
                release=self._process.release.version,
                revision=self._process.release.revision,
                instance_id=self._process.instance_id,
            ),
            max_content_bytes=settings.max_content_bytes,
            metrics=metrics,
            errors=self._process.errors,
            tracing=Tracing(lifecycle.traces),
        )
        self._working: asyncio.Task[None] | None = None
        self._reporting: asyncio.Task[None] | None = None

    def register(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add ExtractorService."""
        pb_grpc.add_ExtractorServiceServicer_to_server(LinkService(self._work), server)
        return [pb.DESCRIPTOR.services_by_name["ExtractorService"].full_name]

    async def start(self) -> None:
        """Begin to work."""
        engine = self._thread.engine
        self._metrics.show_engine(engine)
        log.info(
            "model loaded",
            model=engine.model,
            model_version=engine.model_version,
            naming=naming_of(engine),
            engine=engine.name,
        )
        self._working = asyncio.create_task(self._work.run(), name="replica")
        self._reporting = asyncio.create_task(self._report(), name="reports")
        self._lifecycle.watch(self._working)
        self._lifecycle.watch(self._reporting)

    def readiness(self) -> Readiness:
        """Ready: the model is loaded before anything is served."""
        engine = self._thread.engine
        return Readiness(
            self._working is not None and not self._working.done(),
            {
                "model": engine.model,
                "model_version": engine.model_version,
                "naming": naming_of(engine),
                "engine": engine.name,
                "links": self._work.replica.links,
                "waiting_articles": self._work.replica.waiting_articles,
            },
        )

    async def drain(self, seconds: float) -> None:
        """Answer what came in time, then end the links in good order."""
        await self._work.drain(max(seconds - DRAIN_MARGIN_SECONDS, seconds / 2))

    async def close(self) -> None:
        """Stop working; what the engine is doing now is left to itself."""
        tasks = [task for task in (self._working, self._reporting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.close()

    async def _report(self) -> None:
        """Tell the gateways how it is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            now = loop.time()
            report = ReplicaReport(
                process=self._process.status(now),
                engine=self._thread.engine.name,
                busy=self._work.activity.busy(now),
            )
            self._work.replica.report(pb.ExtractResponse(report=report))
