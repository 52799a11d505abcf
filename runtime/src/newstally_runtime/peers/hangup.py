"""Ends connections that gRPC serves, which gRPC itself offers no way to do.

A call whose answer is not read keeps that answer in gRPC until its connection ends, whatever is
done with the call. And a port that is full takes nobody, however silent those are who fill it.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from newstally_runtime.rare import Rarely

SWEEP_SECONDS = 0.25
"""How often connections in excess are looked for."""
_DESCRIPTORS = "/dev/fd"
"""Lists the open descriptors of the process that looks, on Linux and macOS."""
_LAST_RECEIVED = slice(52, 56)
"""Of Linux' struct tcp_info: milliseconds since data came."""


def hang_up(peer: str, ports: Collection[int]) -> bool:
    """Shut down the connection of a peer, as gRPC names it, to one of these ports of this process.

    Return whether there was one.
    """
    wanted = _parse(peer)
    for connection in _connections(ports):
        with contextlib.suppress(OSError):
            host, remote = connection.getpeername()[:2]
            if (_plain(host), remote) == wanted:
                connection.shutdown(socket.SHUT_RDWR)
                return True
    return False


class Doorkeeper:
    """Keeps ports open for newcomers: when they are full, who was silent for longest has to go."""

    def __init__(self, ports: Collection[int], connections: int) -> None:
        """Let at most so many connections stay, together; for a moment there may be more."""
        self._ports = ports
        self._connections = connections
        self._full = Rarely("too many connections, the most silent ended")

    async def keep(self) -> None:
        """Look after the ports until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()

    def sweep(self) -> int:
        """End connections in excess; return how many."""
        # Mostly there is nothing to do, and that costs one call of the system.
        if len(_descriptors()) <= self._connections:
            return 0
        silences: list[tuple[int, int]] = []
        for connection in _connections(self._ports):
            with contextlib.suppress(OSError):
                silences.append((_silent_millis(connection), connection.fileno()))
        excess = sorted(silences, reverse=True)[: max(0, len(silences) - self._connections)]
        for _, descriptor in excess:
            with contextlib.suppress(OSError), _borrowed(descriptor) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        if excess:
            self._full.note(connections=len(silences), ended=len(excess))
        return len(excess)


def _descriptors() -> list[str]:
    return os.listdir(_DESCRIPTORS)  # noqa: PTH208 - names are all that is needed


def _connections(ports: Collection[int]) -> Iterator[socket.socket]:
    """Yield the connections to ports of this process, each to be used before the next."""
    for name in _descriptors():
        with contextlib.suppress(OSError), _borrowed(int(name)) as connection:
            internet = connection.family in (socket.AF_INET, socket.AF_INET6)
            if internet and connection.getsockname()[1] in ports:
                connection.getpeername()  # OSError: it listens
                yield connection


@contextlib.contextmanager
def _borrowed(descriptor: int) -> Iterator[socket.socket]:
    """Use the socket of a descriptor that is gRPC's. Raises OSError when it is no socket."""
    connection = socket.socket(fileno=descriptor)
    try:
        yield connection
    finally:
        connection.detach()


def _silent_millis(connection: socket.socket) -> int:
    """Return how long nothing came; 0 where the system does not tell."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return 0
    info = connection.getsockopt(socket.IPPROTO_TCP, option, 104)
    return int(struct.unpack("=I", info[_LAST_RECEIVED])[0])


def _parse(peer: str) -> tuple[str, int] | None:
    """Return address and port of `ipv4:1.2.3.4:5` or `ipv6:%5B::1%5D:5`."""
    family, _, rest = unquote(peer).partition(":")
    host, _, port = rest.rpartition(":")
    if family not in ("ipv4", "ipv6") or not port.isdigit():
        return None
    return _plain(host.strip("[]")), int(port)


def _plain(host: str) -> str:
    """Return the address in one spelling, an IPv4 address in IPv6 as itself."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
