"""The admin port answers whoever is to be able to reach it, by either family of addresses."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from newstally_runtime.admin import EVERY_INTERFACE, AdminServer, Pulse, Readiness


def has_ipv6() -> bool:
    """Whether this machine has an IPv6 loopback address."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def serving(host: str) -> Iterator[int]:
    """Serve on a free port; give the port."""
    server = AdminServer(host, 0, lambda: Readiness(True, {"links": 1}), Pulse())
    server.start()
    try:
        yield server.port
    finally:
        server.close()


def ready(address: str, port: int) -> bool:
    """Ask /readyz."""
    with urllib.request.urlopen(f"http://{address}:{port}/readyz", timeout=5) as answer:
        return bool(json.loads(answer.read()) == {"ready": True, "links": 1})


@pytest.mark.parametrize("host", EVERY_INTERFACE)
def test_every_interface_includes_ipv4(host: str) -> None:
    """However "everywhere" is spelt, IPv4 is answered."""
    with serving(host) as port:
        assert ready("127.0.0.1", port)


@needs_ipv6
@pytest.mark.parametrize("host", EVERY_INTERFACE)
def test_every_interface_includes_ipv6(host: str) -> None:
    """In a cluster with IPv6 only, probes and Prometheus find the same port."""
    with serving(host) as port:
        assert ready("[::1]", port)


@needs_ipv6
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_grpc_means_the_same_by_it(host: str) -> None:
    """One setting for both ports: gRPC takes IPv6 in, too, whichever way it is said."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        port = server.add_insecure_port(f"{host}:0")
        server.start()
        try:
            for address in ("127.0.0.1", "::1"):
                socket.create_connection((address, port), timeout=5).close()
        finally:
            server.stop(None).wait()


@needs_ipv6
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_one_ipv6_address_can_be_named(host: str) -> None:
    """With the brackets that the gRPC port wants, or without."""
    with serving(host) as port:
        assert ready("[::1]", port)
        with pytest.raises(OSError, match="refused"):
            ready("127.0.0.1", port)


@needs_ipv6
def test_one_ipv4_address_is_no_other() -> None:
    """The default, the loopback address, stays the only one."""
    with serving("127.0.0.1") as port:
        assert ready("127.0.0.1", port)
        with pytest.raises(OSError, match="refused"):
            ready("[::1]", port)


def test_a_taken_port_is_an_error() -> None:
    """A second server does not share the port with the first."""
    with serving("0.0.0.0") as port, pytest.raises(OSError, match="in use"):
        AdminServer("0.0.0.0", port, lambda: Readiness(True), Pulse())
