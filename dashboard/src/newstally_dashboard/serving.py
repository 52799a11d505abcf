"""The life of the dashboard: two ports, from the first look at the gateway to a graceful end.

starting ──▶ serving ──SIGTERM/SIGINT──▶ draining ──▶ stopped (exit 0)
└── a wrong setting: exit 2; a port that is taken: exit 1
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn
from newstally_runtime import deadline
from newstally_runtime.admin import AdminServer, Pulse, Readiness
from newstally_runtime.httpd import EVERY_INTERFACE
from newstally_runtime.observing import stacks
from newstally_runtime.service import BEAT_SECONDS, CLOSE_SECONDS, Lifecycle
from starlette.types import ASGIApp

from newstally_dashboard.settings import DashboardSettings
from newstally_dashboard.web.connections import LOGGER, BadRequests, Protocol

KEEP_ALIVE_SECONDS = 30
REQUEST_LIMIT_BYTES = 64 * 1024
"""Largest request line with its headers: five names of the largest size have room."""
BACKLOG = 128

log = structlog.get_logger()


class CannotListenError(Exception):
    """A port cannot be had."""


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Open a port; one of EVERY_INTERFACE also on IPv6. Raises CannotListenError."""
    every = host in EVERY_INTERFACE
    host = host.strip("[]")
    both = every and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    try:
        address = ("::" if both else host, port)
        return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise CannotListenError(f"port {port}: {error.strerror or error}") from error


async def serve(
    settings: DashboardSettings,
    app: ASGIApp,
    lifecycle: Lifecycle,
    background: dict[str, Any],
) -> None:
    """Serve until a signal, then let what is under way end. Raises CannotListenError.

    `background`: coroutines that run meanwhile, by name.
    """
    loop = asyncio.get_running_loop()
    pulse = Pulse()
    draining = False

    def readiness() -> Readiness:
        return Readiness(not draining, {"draining": draining} if draining else {})

    pages = listen(settings.host, settings.port)
    try:
        admin = AdminServer(settings.admin_host, settings.admin_port, readiness, pulse)
    except OSError as error:
        pages.close()
        raise CannotListenError(f"port {settings.admin_port}: {error.strerror}") from error
    stacks.watch(loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lifecycle.shutdown)
    logging.getLogger(LOGGER).addFilter(BadRequests())
    server = _Server(_configuration(settings, app))
    tasks = [asyncio.create_task(work, name=name) for name, work in background.items()]
    tasks.append(asyncio.create_task(_keep_beating(pulse), name="health check"))
    serving = asyncio.create_task(server.serve(sockets=[pages]), name="pages")
    for task in (*tasks, serving):
        lifecycle.watch(task)
    try:
        admin.start()
        port = pages.getsockname()[1]
        log.info("serving", port=port, admin_port=admin.port, gateway=settings.gateway)
        await lifecycle.until_ending()
        draining = True
        log.info("draining", seconds=settings.drain)
        server.should_exit = True
        await asyncio.wait({serving}, timeout=settings.drain + 1)
    finally:
        deadline.end_within(CLOSE_SECONDS)
        for task in (*tasks, serving):
            task.cancel()
        await asyncio.gather(*tasks, serving, return_exceptions=True)
        admin.close()


def _configuration(settings: DashboardSettings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=settings.max_connections,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, int(settings.drain)),
        h11_max_incomplete_event_size=REQUEST_LIMIT_BYTES,
    )


async def _keep_beating(pulse: Pulse) -> None:
    while True:
        pulse.beat()
        await asyncio.sleep(BEAT_SECONDS)
