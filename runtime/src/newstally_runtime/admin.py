"""The admin HTTP port: /healthz, /readyz and /metrics.

It is served by threads of its own, so that it answers while the event loop is busy, and can tell
when the loop hangs.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    disable_created_metrics,
    generate_latest,
)

from newstally_runtime.httpd import BoundedServer

LOOP_STALL_SECONDS = 10.0
"""/healthz fails when the event loop has not turned for this long."""


@dataclass(frozen=True)
class Readiness:
    """Whether the service can do its work now, and what there is to know about it."""

    ready: bool
    """False answers 503."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """JSON-able; shown in the body whether ready or not."""


class Pulse:
    """The event loop's heartbeat: the loop beats, the admin threads look."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def beat(self) -> None:
        """Note that the loop turns."""
        self._last = time.monotonic()

    def age_seconds(self) -> float:
        """Return how long ago the loop last turned."""
        return time.monotonic() - self._last


class AdminServer:
    """Serves the three paths until closed."""

    def __init__(
        self, host: str, port: int, readiness: Callable[[], Readiness], pulse: Pulse
    ) -> None:
        """Bind `host:port` (0: any free port). Raises OSError when the port is taken.

        One of `EVERY_INTERFACE` also listens on IPv6 where the machine has it.
        """
        # When a counter was made says nothing, and doubles what is scraped.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._server = BoundedServer(host, port)
        self._server.set_app(_application(readiness, pulse))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="admin"
        )
        self._thread.daemon = True

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        if self._thread.is_alive():  # shutdown() waits for ever for a loop that never began
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _application(readiness: Callable[[], Readiness], pulse: Pulse) -> WSGIApplication:
    def serve(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            status, kind, body = "405 Method Not Allowed", "text/plain", b"GET and HEAD only\n"
        else:
            status, kind, body = answer(environ["PATH_INFO"])
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        if status.startswith("405"):
            headers.append(("Allow", "GET, HEAD"))
        start(status, headers)
        return [] if method == "HEAD" else [body]

    def answer(path: str) -> tuple[str, str, bytes]:
        match path:
            case "/healthz":
                age = pulse.age_seconds()
                healthy = age < LOOP_STALL_SECONDS
                return _json(healthy, {"healthy": healthy, "loop_age_seconds": round(age, 3)})
            case "/readyz":
                state = readiness()
                return _json(state.ready, {"ready": state.ready, **state.details})
            case "/metrics":
                return "200 OK", CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
            case _:
                return "404 Not Found", "text/plain", b"paths: /healthz /readyz /metrics\n"

    return serve


def _json(good: bool, body: Mapping[str, Any]) -> tuple[str, str, bytes]:
    status = "200 OK" if good else "503 Service Unavailable"
    return (
        status,
        "application/json",
        json.dumps(body, sort_keys=True, default=str).encode() + b"\n",
    )
