"""Runs the dashboard: `newstally-dashboard`, or `python -m newstally_dashboard`."""

import asyncio
import sys
from functools import partial

import structlog
import uvloop
from newstally import InputError, NoGateway
from newstally_runtime import lifeline, signals
from newstally_runtime.observing import logs
from newstally_runtime.observing.process import Process
from newstally_runtime.service import RELEASE, Lifecycle
from newstally_runtime.settings import load
from prometheus_client import REGISTRY

from newstally_dashboard.app import make_app
from newstally_dashboard.asking.asker import Asker
from newstally_dashboard.asking.cache import Cache
from newstally_dashboard.asking.link import Link, read_access
from newstally_dashboard.asking.questions import Questions
from newstally_dashboard.metrics import Metrics
from newstally_dashboard.serving import CannotListenError, serve
from newstally_dashboard.settings import DashboardSettings

NAME = "dashboard"

log = structlog.get_logger()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    signals.end_at_once()
    settings = load(DashboardSettings)
    process = Process(NAME)
    logs.configure(process, settings.log_level, settings.log_format)
    release = {"version": process.release.version, "revision": process.release.revision}
    RELEASE.info({"service": NAME, **release})
    lifeline.watch(settings.drain)
    sys.exit(uvloop.run(_run(settings, process)))


async def _run(settings: DashboardSettings, process: Process) -> int:
    lifecycle = Lifecycle(process)
    metrics = Metrics(REGISTRY)
    try:
        link = Link(settings.gateway, partial(read_access, settings), settings.call_timeout)
    except (InputError, NoGateway) as error:
        log.error("cannot start", reason=str(error))  # noqa: TRY400 - no traceback wanted
        return 2
    clock = asyncio.get_running_loop().time
    cache = Cache[object](
        settings.cache_bytes, clock, lambda source: metrics.questions.labels(source).inc()
    )
    asker = Asker(
        cache,
        metrics,
        max_calls=settings.max_calls,
        max_waiting=settings.max_waiting,
        timeout=settings.call_timeout,
    )
    questions = Questions(asker, link, settings.cache_seconds)
    app = make_app(settings, questions, metrics, process.release)
    try:
        await serve(settings, app, lifecycle, {"key and authorities": link.watch()})
    except CannotListenError as error:
        log.error(  # noqa: TRY400 - as above
            "cannot listen", reason=str(error), remedy="set --port and --admin-port to free ports"
        )
        return 1
    finally:
        await cache.close()
        await link.close()
    if lifecycle.failure is not None:
        log.error("stopped", reason=lifecycle.failure)
        return lifecycle.exit_code
    log.info("stopped")
    return 0


if __name__ == "__main__":
    main()
