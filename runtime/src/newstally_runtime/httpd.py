"""A small HTTP server that answers whatever else happens: bounded, and with descriptors to spare.

Each connection has a thread, one request, and a deadline for all of it. When as many are open as
may be, the oldest one makes room.
"""

import contextlib
import errno
import os
import socket
import threading
import time
from io import BufferedIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

REQUEST_SECONDS = 5.0
"""Deadline for a request to come, and its answer to be taken."""
REQUEST_LIMIT_BYTES = 16 * 1024
"""Largest request line with its headers."""
CONNECTIONS = 32
"""How many may be open at once."""
SPARE_DESCRIPTORS = 8
"""Kept open for connections that come when the process has none left."""
EVERY_INTERFACE = ("0.0.0.0", "::", "[::]")  # noqa: S104 - compared with what is asked for
"""Hosts that mean IPv4 and IPv6 alike, as they do to gRPC."""


class BoundedServer(ThreadingMixIn, WSGIServer):
    """Serves a WSGI application, one request for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int) -> None:
        """Bind `host:port`; raises OSError when it is taken."""
        self._every = host in EVERY_INTERFACE
        host = host.strip("[]")
        if self._every:
            # A probe or Prometheus comes by whichever family its cluster prefers.
            host = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104 - asked for
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, float] = {}
        self._spares = Spares(SPARE_DESCRIPTORS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the DNS for a name, which can take seconds."""
        if self._every and self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, with a spare descriptor if there is no other."""
        try:
            return super().get_request()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if not self._spares.release():
                time.sleep(0.05)  # the connection waits; so must this loop
                raise
            return super().get_request()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; the oldest connection goes if there are too many."""
        request.settimeout(REQUEST_SECONDS)
        with self._lock:
            if len(self._open) >= CONNECTIONS:
                _shut(next(iter(self._open)))
            self._open[request] = time.monotonic() + REQUEST_SECONDS
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called several times a second: shut what has taken too long."""
        super().service_actions()
        now = time.monotonic()
        with self._lock:
            for connection, deadline in self._open.items():
                if now >= deadline:
                    _shut(connection)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; its descriptor becomes a spare one if there are too few."""
        with self._lock:
            self._open.pop(request, None)
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
        self._spares.keep_or_close(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that goes away is no event."""

    def server_close(self) -> None:
        """Free the port and the spare descriptors."""
        super().server_close()
        self._spares.close()


class Spares:
    """Descriptors that are open for nothing, to be given up when there are no others."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._null = os.open(os.devnull, os.O_RDONLY)
        self._lock = threading.Lock()
        self._held = [os.dup(self._null) for _ in range(number)]

    def release(self) -> bool:
        """Close one, for the next call that needs one; False if there is none."""
        with self._lock:
            if not self._held:
                return False
            os.close(self._held.pop())
            return True

    def keep_or_close(self, connection: socket.socket) -> None:
        """Close the connection, but keep its descriptor if one is missing.

        It is never free in between: somebody else in the process would take it.
        """
        with self._lock:
            if len(self._held) >= self._number:
                connection.close()
                return
            descriptor = connection.detach()
            if descriptor >= 0:
                os.dup2(self._null, descriptor, inheritable=False)
                self._held.append(descriptor)

    def close(self) -> None:
        """Give up all; what is handed in after that is closed."""
        with self._lock:
            self._number = 0
            while self._held:
                os.close(self._held.pop())
            os.close(self._null)


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.rfile = cast("BufferedIOBase", _Bounded(self.rfile, REQUEST_LIMIT_BYTES))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Probes come every few seconds: nothing to log."""


class _Bounded:
    """A file that ends after so many bytes."""

    def __init__(self, file: Any, limit: int) -> None:
        self._file = file
        self._left = limit

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._file.readline(self._left if size < 0 else min(size, self._left))
        self._left -= len(line)
        return line

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)


def _shut(connection: socket.socket) -> None:
    """End a connection under its thread, which then closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
