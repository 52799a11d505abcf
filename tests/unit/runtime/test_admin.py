"""The admin port answers whoever is to be able to reach it, by either family of addresses."""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from newstally_runtime import httpd
from newstally_runtime.admin import AdminServer, Pulse, Readiness
from newstally_runtime.httpd import CONNECTIONS, EVERY_INTERFACE, Spares
from prometheus_client import REGISTRY, Counter


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
    with urllib.request.urlopen(f"http://{address}:{port}/readyz", timeout=60) as answer:
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
                socket.create_connection((address, port), timeout=60).close()
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


def ask(port: int, request: bytes) -> bytes:
    """Send bytes; return all that is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_but_reading(method: str) -> None:
    """405, with what is allowed; a body is not waited for."""
    with serving("127.0.0.1") as port:
        answer = ask(port, f"{method} /readyz HTTP/1.0\r\nContent-Length: 9999\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.0 405 ")
    assert b"\r\nAllow: GET, HEAD\r\n" in answer


def test_head_is_get_without_the_body() -> None:
    with serving("127.0.0.1") as port:
        got = ask(port, b"GET /readyz HTTP/1.0\r\n\r\n")
        head = ask(port, b"HEAD /readyz HTTP/1.0\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.0 200 ")
    dateless = [
        [line for line in each.split(b"\r\n") if not line.startswith(b"Date")][:-1]
        for each in (got, head)
    ]
    assert dateless[0] == dateless[1]


def test_a_request_has_a_deadline_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not prolong it."""
    monkeypatch.setattr(httpd, "REQUEST_SECONDS", 1.0)
    with serving("127.0.0.1") as port:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\n")
            connection.settimeout(0.2)
            while True:  # the test has a deadline, too
                try:
                    connection.sendall(b"X")
                    if not connection.recv(65536):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        assert time.monotonic() - began > 0.5


def test_endless_headers_end() -> None:
    """They are read to a bound, however fast they come."""
    filler = b"X-Filler: " + b"x" * 60_000 + b"\r\n"
    with serving("127.0.0.1") as port, pytest.raises(OSError, match=r"reset|pipe"):
        ask(port, b"GET /readyz HTTP/1.0\r\n" + filler * 1_000)


def test_idle_connections_keep_no_probe_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of them makes room."""
    monkeypatch.setattr(httpd, "REQUEST_SECONDS", 3_600.0)  # nobody leaves by himself
    with serving("127.0.0.1") as port:
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * CONNECTIONS)]
        try:
            assert ready("127.0.0.1", port)
        finally:
            for connection in idle:
                connection.close()


def test_a_connection_that_outlives_the_server_is_closed() -> None:
    """Its thread may come to the end of it when the spare descriptors are gone."""
    spares = Spares(1)
    assert spares.release()
    spares.close()
    ours, theirs = socket.socketpair()
    with theirs:
        spares.keep_or_close(ours)
        assert ours.fileno() == -1
        assert theirs.recv(1) == b""


def test_no_moment_of_creation_is_told() -> None:
    """It says nothing, and each counter would be two series."""
    made = Counter("newstally_test_admin_total", "Of this test.")
    with serving("127.0.0.1") as port:
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=60) as answer:
            text = answer.read().decode()
    REGISTRY.unregister(made)
    assert "newstally_test_admin_total 0.0" in text
    assert "_created" not in text
