"""The admin HTTP port: /healthz, /readyz and /metrics.

It is served by threads of its own, so that it answers while the event loop is busy, and can tell
when the loop hangs.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

LOOP_STALL_SECONDS = 10.0
"""/healthz fails when the event loop has not turned for this long."""
EVERY_INTERFACE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with what is asked for
"""Hosts that mean IPv4 and IPv6 alike, as they do to gRPC."""


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
        self._server = _Server(host, port)
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


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        self._every = host in EVERY_INTERFACE
        host = host.strip("[]")
        if self._every:
            # A probe or Prometheus comes by whichever family its cluster prefers.
            host = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - asked for
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _QuietHandler)

    def server_bind(self) -> None:
        if self._every and self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # HTTPServer.server_bind asks the DNS for its own name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    timeout = 10  # seconds: a client that sends nothing must not keep a thread

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Probes come every few seconds: nothing to log."""


def _application(readiness: Callable[[], Readiness], pulse: Pulse) -> WSGIApplication:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/healthz":
                age = pulse.age_seconds()
                healthy = age < LOOP_STALL_SECONDS
                return _json(
                    start, healthy, {"healthy": healthy, "loop_age_seconds": round(age, 3)}
                )
            case "/readyz":
                state = readiness()
                return _json(start, state.ready, {"ready": state.ready, **state.details})
            case "/metrics":
                start("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
                return [generate_latest(REGISTRY)]
            case _:
                start("404 Not Found", [("Content-Type", "text/plain")])
                return [b"paths: /healthz /readyz /metrics\n"]

    return answer


def _json(start: StartResponse, good: bool, body: Mapping[str, Any]) -> Iterable[bytes]:
    status = "200 OK" if good else "503 Service Unavailable"
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(body, sort_keys=True, default=str).encode() + b"\n"]
