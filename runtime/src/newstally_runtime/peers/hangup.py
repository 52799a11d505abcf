"""Ends connections that gRPC serves, which gRPC itself offers no way to do.

A call whose answer is not read keeps that answer in gRPC until its connection ends, whatever is
done with the call. And a port that is full takes nobody, however silent those are who fill it.
"""

import asyncio
import contextlib
import errno
import ipaddress
import os
import resource
import socket
import struct
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from newstally_runtime.rare import Rarely

SWEEP_SECONDS = 0.25
"""How often connections in excess are looked for."""
_DESCRIPTORS = "/dev/fd"
"""Lists the open descriptors of the process that looks, on Linux and macOS."""
_LOOKED_AT = 65_536
"""Of so many descriptors at most, where they cannot be listed: to try one takes a microsecond."""
LISTENING_MILLIS = 10_000
"""Who said something within this time is not silent: keepalive has every peer do so."""
_INFO_BYTES = 136
"""Of Linux' struct tcp_info: as much as is read here."""
_INFO = struct.Struct("=B51xI72xQ")
"""Of that: the state, milliseconds since data came, bytes that came."""
_ESTABLISHED = 1


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
    """Keeps ports open for newcomers: when they are full, who was silent for longest has to go.

    Of those who were heard of lately, whoever sent least; a client that waits for answers may say
    nothing for a second, while others come and go in less. Who has hung up itself does not count.
    """

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
        standings: list[tuple[int, int, int]] = []
        for connection in _connections(self._ports):
            with contextlib.suppress(OSError):
                standing = _standing(connection)
                if standing is not None:
                    standings.append((*standing, connection.fileno()))
        excess = sorted(standings)[: max(0, len(standings) - self._connections)]
        for *_, descriptor in excess:
            with contextlib.suppress(OSError), _borrowed(descriptor) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        if excess:
            self._full.note(connections=len(standings), ended=len(excess))
        return len(excess)


def _descriptors() -> Collection[int]:
    """Return what is open; where none is left to look with, whatever may be."""
    try:
        return [int(name) for name in os.listdir(_DESCRIPTORS)]  # noqa: PTH208 - names are enough
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        return range(min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], _LOOKED_AT))


def _connections(ports: Collection[int]) -> Iterator[socket.socket]:
    """Yield the connections to ports of this process, each to be used before the next."""
    for descriptor in _descriptors():
        with contextlib.suppress(OSError), _borrowed(descriptor) as connection:
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


def _standing(connection: socket.socket) -> tuple[int, int] | None:
    """Return how much speaks for a connection; None if its peer has hung up.

    Equal for all where the system does not tell.
    """
    option = getattr(socket, "TCP_INFO", None)
    info = b"" if option is None else connection.getsockopt(socket.IPPROTO_TCP, option, _INFO_BYTES)
    if len(info) < _INFO_BYTES:
        return 0, 0
    state, silent_millis, received_bytes = _INFO.unpack(info)
    if state != _ESTABLISHED:
        return None
    return -(silent_millis // LISTENING_MILLIS), received_bytes


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
