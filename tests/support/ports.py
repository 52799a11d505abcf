"""Ports for what dies and comes back: nobody else is given them in between.

The kernel gives those of its own range to whoever asks for any, also the one of a service that is
dead for a moment. These are below that range, and each worker of a test run has some of its own.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path

WORKERS = 4
EACH = 4_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL = "32768"


def free() -> int:
    """Return a port that nobody listens on, and that this process was not given before."""
    for port in itertools.islice(_ports, EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def _own() -> Iterator[int]:
    kernels = int((_RANGE.read_text() if _RANGE.exists() else _USUAL).split()[0])
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    first = kernels - (worker + 1) * EACH
    # Two test runs at a time begin at different ones.
    begin = os.getpid() * 61 % EACH
    return itertools.cycle([*range(first + begin, first + EACH), *range(first, first + begin)])


_ports = _own()
