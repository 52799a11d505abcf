"""The life of a service: start, serve, drain, stop.

    starting ──start()──▶ serving ──SIGTERM/SIGINT──▶ draining ──drain()──▶ stopped (exit 0)
        │                    │
        └────────────────────┴──fatal()──▶ stopped (exit 1)

While draining the service is not ready (503, NOT_SERVING) and takes no new streams; `drain` settles
what is under way within the time given. `server.stop` comes after that: with an open stream it
would always use up its whole grace and then cut the stream.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

import grpc
import structlog
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from newstally_runtime import lifeline, logs
from newstally_runtime.admin import AdminServer, Pulse, Readiness
from newstally_runtime.channels import SERVER_OPTIONS
from newstally_runtime.settings import ServiceSettings

STOP_GRACE_SECONDS = 0.5
"""What calls that are still open after draining get before they are cut."""

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


class Lifecycle:
    """What a service may ask of the runtime: that the process ends."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        self.failure: str | None = None

    def shutdown(self) -> None:
        """End the process in good order: drain, stop, exit code 0."""
        self._ended.set()

    def fatal(self, message: str) -> None:
        """End the process without draining; exit code 1. The message says what to do."""
        self.failure = self.failure or message
        self._ended.set()

    async def wait(self) -> None:
        """Return when the process shall end."""
        await self._ended.wait()


def run(name: str, settings: ServiceSettings, make: Callable[[Lifecycle], Service]) -> None:
    """Run a service until SIGTERM or SIGINT, then exit the process."""
    logs.configure(name, settings.log_level, settings.log_format)
    lifeline.watch(settings.drain)
    sys.exit(uvloop.run(_serve(settings, make)))


async def _serve(settings: ServiceSettings, make: Callable[[Lifecycle], Service]) -> int:
    lifecycle = Lifecycle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.shutdown)
    service = make(lifecycle)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    health = health_aio.HealthServicer()
    draining = False
    pulse = Pulse()

    def readiness() -> Readiness:
        state = service.readiness()
        return Readiness(False, {**state.details, "draining": True}) if draining else state

    admin: AdminServer | None = None
    beat: asyncio.Task[None] | None = None
    try:
        names = [
            *service.register(server),
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
        ]
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        reflection.enable_server_reflection([*names, reflection.SERVICE_NAME], server)
        try:
            port = server.add_insecure_port(f"{settings.host}:{settings.port}")
            admin = AdminServer(settings.admin_host, settings.admin_port, readiness, pulse)
        except (RuntimeError, OSError) as error:
            log.error(  # noqa: TRY400 - the message says it all
                "cannot listen",
                port=settings.port,
                admin_port=settings.admin_port,
                error=str(error),
                remedy="set --port and --admin-port to free ports",
            )
            return 1
        await service.start()
        await server.start()
        admin.start()
        beat = asyncio.create_task(_beat(pulse, service, health, names), name="beat")
        log.info("serving", port=port, admin_port=admin.port)
        await lifecycle.wait()
        draining = True
        await health.enter_graceful_shutdown()
        if lifecycle.failure is None:
            log.info("draining", seconds=settings.drain)
            try:
                async with asyncio.timeout(settings.drain):
                    await service.drain(settings.drain)
            except TimeoutError:
                log.warning("drain ran out of time", seconds=settings.drain)
    finally:
        if beat is not None:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
        await server.stop(STOP_GRACE_SECONDS if lifecycle.failure is None else 0)
        await service.close()
        if admin is not None:
            admin.close()
    if lifecycle.failure is not None:
        log.error("stopped", reason=lifecycle.failure)
        return 1
    log.info("stopped")
    return 0


async def _beat(
    pulse: Pulse, service: Service, health: health_aio.HealthServicer, names: Sequence[str]
) -> None:
    """Show that the loop turns, and keep grpc.health.v1 in step with /readyz."""
    shown: bool | None = None
    while True:
        pulse.beat()
        ready = service.readiness().ready
        if ready is not shown:
            shown = ready
            state = health_pb2.HealthCheckResponse
            for name in ("", *names):
                await health.set(name, state.SERVING if ready else state.NOT_SERVING)
        await asyncio.sleep(0.25)
