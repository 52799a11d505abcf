"""The life of a service: start, serve, drain, stop.

    starting ──start()──▶ serving ──SIGTERM/SIGINT──▶ draining ──drain()──▶ stopped (exit 0)
        │                    │                           │
        ├────────────────────┴──fatal()──────────────────┴────────────────▶ stopped (exit 1 or 2)
        └──CannotStartError──────────────────────────────────────────────▶ stopped (exit 2, or 1)

While draining the service is not ready (503, NOT_SERVING) and takes no new streams; `drain` settles
what is under way within the time given. `server.stop` comes after that: with an open stream it
would always use up its whole grace and then cut the stream.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol, Self

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2_grpc
from newstally_protos.tracing.spans import OFF, Traces
from prometheus_client import Info

from newstally_runtime import deadline, lifeline
from newstally_runtime.admin import AdminServer, Pulse, Readiness
from newstally_runtime.observing import logs, stacks, traces
from newstally_runtime.observing.process import Process
from newstally_runtime.peers.health import Health
from newstally_runtime.peers.listening import Listening
from newstally_runtime.peers.reflecting import reflect
from newstally_runtime.settings import ServiceSettings
from newstally_runtime.tls.certificate import CertificateError

BEAT_SECONDS = 0.25
STOP_GRACE_SECONDS = 0.5
"""What calls that are still open after draining get before they are cut."""
COLLECTED_AFTER = (10_000, 20, 20)
"""New objects after which they are looked through; after how often so the older ones are, too."""
CLOSE_SECONDS = 15.0
"""What closing gets after draining, before the process ends wherever it is."""

RELEASE = Info("newstally_release", "The service, its version, and the commit it was made from.")

log = structlog.get_logger()


class Service(Protocol):
    """What a service's own part looks like to the runtime."""

    def register(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the servicers; return their full names, for health and reflection."""
        ...

    async def start(self) -> None:
        """Get ready for work. Must not wait for other services."""
        ...

    def readiness(self) -> Readiness:
        """Say whether work can be done now. Called from other threads; must not block."""
        ...

    async def drain(self, seconds: float) -> None:
        """Take nothing new, settle what can be settled, return as soon as done."""
        ...

    async def close(self) -> None:
        """Free everything. Called once, also after a failed start."""
        ...


class CannotStartError(Exception):
    """The service cannot start: one line that says why and what to do.

    Exit 2 where it is set up wrong, so that starting it again does not help; exit 1 where the
    trouble may be over at the next start.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(message)
        self.passing = passing


class Lifecycle:
    """What a service may ask of the runtime: above all that the process ends.

    Safe from any thread.
    """

    def __init__(self, process: Process | None = None, traces: Traces = OFF) -> None:
        self.process = process or Process("runtime")
        """What is shown of the process."""
        self.traces = traces
        """Where its spans begin."""
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._failed = asyncio.Event()
        self.guards: list[grpc.aio.ServerInterceptor] = []
        """What calls pass before anything else."""
        self.failure: str | None = None
        self.exit_code = 0

    @property
    def ending(self) -> bool:
        """Whether the process shall end."""
        return self._ending.is_set()

    def shutdown(self) -> None:
        """End the process in good order: drain, stop, exit code 0."""
        self._loop.call_soon_threadsafe(self._ending.set)

    def fatal(self, message: str, *, restart_helps: bool = True) -> None:
        """End the process without draining. The message says what to do.

        The exit code is 1, or 2 where another start would come to the same end.
        """
        if self.failure is None:
            self.failure = message
            self.exit_code = 1 if restart_helps else 2
        self._loop.call_soon_threadsafe(self._failed.set)
        self._loop.call_soon_threadsafe(self._ending.set)

    def guard(self, guard: grpc.aio.ServerInterceptor) -> None:
        """Have every call pass this first. Before the service is started."""
        self.guards.append(guard)

    def watch(self, task: asyncio.Task[Any]) -> None:
        """Let the process end, with exit code 1, when the task fails: its name says what it was.

        A task that returns, or is cancelled, ends nothing. Call it on the event loop.
        """
        task.add_done_callback(self._note_end)

    async def until_ending(self, work: Awaitable[None] | None = None) -> None:
        """Return when the process shall end, or when `work` is done; then cancel the other."""
        await _first(self._ending, work)

    async def unless_failed(self, work: Awaitable[None]) -> None:
        """Do the work, but cancel it on `fatal`."""
        await _first(self._failed, work)

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("task failed", task=task.get_name(), exc_info=error)
        # Not what it says: that may hold an article's text.
        kind = type(error).__name__
        self.fatal(f"{task.get_name()!r} failed, a defect: please report it: {kind}")


async def _first(event: asyncio.Event, work: Awaitable[None] | None) -> None:
    waiting = asyncio.ensure_future(event.wait())
    working = asyncio.ensure_future(work) if work is not None else None
    tasks = [task for task in (waiting, working) if task is not None]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            if not task.done():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if working is not None and not working.cancelled():
        working.result()


def run(
    name: str,
    settings: ServiceSettings,
    make: Callable[[Lifecycle], Service],
    apart: Collection[str] = (),
) -> None:
    """Run a service until SIGTERM or SIGINT, then exit the process.

    `apart` names the gRPC services that bound and decode their calls themselves; see `gate`.
    """
    process = Process(name)
    logs.configure(process, settings.log_level, settings.log_format)
    release = {"version": process.release.version, "revision": process.release.revision}
    RELEASE.info({"service": name, **release})
    lifeline.watch(settings.drain)
    with traces.opened(process) as spans:
        code = uvloop.run(_serve(process, spans, settings, make, apart))
    sys.exit(code)


async def _serve(
    process: Process,
    spans: Traces,
    settings: ServiceSettings,
    make: Callable[[Lifecycle], Service],
    apart: Collection[str],
) -> int:
    lifecycle = Lifecycle(process, spans)
    loop = asyncio.get_running_loop()
    stacks.watch(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.shutdown)
    try:
        async with _Shell(settings, make(lifecycle), lifecycle, apart) as shell:
            await shell.serve()
    except CannotStartError as error:
        log.error("cannot start", reason=str(error))  # noqa: TRY400 - no traceback wanted
        return 1 if error.passing else 2
    except CertificateError as error:
        # It may be half renewed, or not valid yet by a clock that is about to be set.
        log.error("cannot start", reason=f"certificate: {error}")  # noqa: TRY400 - as above
        return 1
    except _CannotListenError as error:
        log.error(  # noqa: TRY400 - no traceback wanted
            "cannot listen",
            port=settings.port,
            admin_port=settings.admin_port,
            reason=str(error),
            remedy="set --port and --admin-port to free ports",
        )
        return 1
    if lifecycle.failure is not None:
        log.error("stopped", reason=lifecycle.failure)
        return lifecycle.exit_code
    log.info("stopped")
    return 0


class _CannotListenError(Exception):
    pass


class _Shell:
    """One service with its two ports."""

    def __init__(
        self,
        settings: ServiceSettings,
        service: Service,
        lifecycle: Lifecycle,
        apart: Collection[str],
    ) -> None:
        self._settings = settings
        self._service = service
        self._lifecycle = lifecycle
        self._listening = Listening(settings, apart, lifecycle.guards)
        self._server = self._listening.server
        self._health = Health()
        self._pulse = Pulse()
        self._draining = False
        self._names: Sequence[str] = ()
        self._admin: AdminServer | None = None
        self._background: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        deadline.end_within(CLOSE_SECONDS)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._server.stop(STOP_GRACE_SECONDS if self._lifecycle.failure is None else 0)
        await self._service.close()
        if self._admin is not None:
            self._admin.close()

    async def serve(self) -> None:
        """Listen, start, serve until the process shall end, drain."""
        admin = self._listen()
        # What is loaded stays, and what an article takes goes with its last reference: looking for
        # garbage as often as Python does takes time, and finds next to nothing.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED_AFTER)
        await self._lifecycle.until_ending(self._service.start())
        if not self._lifecycle.ending:
            await self._server.start()
            admin.start()
            for name, work in (
                ("health check", self._keep_beating()),
                *self._listening.background(),
            ):
                self._background.append(asyncio.create_task(work, name=name))
                self._lifecycle.watch(self._background[-1])
            self._listening.tell(admin.port)
            await self._lifecycle.until_ending()
        self._draining = True
        self._health.show(self._names, serving=False)
        if self._lifecycle.failure is None:
            await self._drain(self._settings.drain)

    def _listen(self) -> AdminServer:
        settings = self._settings
        self._names = [
            *self._service.register(self._server),
            Health.NAME,
        ]
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflect(self._names, self._server)
        try:
            self._listening.listen()
            self._admin = AdminServer(
                settings.admin_host, settings.admin_port, self._readiness, self._pulse
            )
        except (RuntimeError, OSError) as error:
            raise _CannotListenError(str(error)) from error
        return self._admin

    def _readiness(self) -> Readiness:
        state = self._service.readiness()
        if self._draining:
            return Readiness(False, {**state.details, "draining": True})
        return state

    async def _drain(self, seconds: float) -> None:
        log.info("draining", seconds=seconds)
        try:
            async with asyncio.timeout(seconds):
                await self._lifecycle.unless_failed(self._service.drain(seconds))
        except TimeoutError:
            log.warning("drain ran out of time", seconds=seconds)

    async def _keep_beating(self) -> None:
        """Show that the loop turns, and keep grpc.health.v1 in step with /readyz."""
        loop = asyncio.get_running_loop()
        while True:
            self._pulse.beat()
            self._lifecycle.process.sample(loop.time())
            serving = self._service.readiness().ready and not self._draining
            self._health.show(self._names, serving=serving)
            await asyncio.sleep(BEAT_SECONDS)
