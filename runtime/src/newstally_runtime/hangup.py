"""Ends a connection that gRPC serves, which gRPC itself offers no way to do.

A call whose answer is not read keeps that answer in gRPC until its connection ends, whatever is
done with the call.
"""

import contextlib
import ipaddress
import os
import socket
from urllib.parse import unquote

_DESCRIPTORS = "/dev/fd"
"""Lists the open descriptors of the process that looks, on Linux and macOS."""


def hang_up(peer: str, port: int) -> bool:
    """Shut down the connection of a peer, as gRPC names it, to a port of this process.

    Return whether there was one.
    """
    wanted = _parse(peer)
    if wanted is None:
        return False
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - names are all that is needed
        with contextlib.suppress(OSError):
            if _connects(int(name), wanted, port):
                return True
    return False


def _connects(descriptor: int, peer: tuple[str, int], port: int) -> bool:
    """Shut the descriptor's socket down if it is the one."""
    connection = socket.socket(fileno=descriptor)  # OSError: it is no socket
    try:
        if connection.family not in (socket.AF_INET, socket.AF_INET6):
            return False
        host, remote = connection.getpeername()[:2]
        if (_plain(host), remote) != peer or connection.getsockname()[1] != port:
            return False
        connection.shutdown(socket.SHUT_RDWR)
        return True
    finally:
        connection.detach()  # it is gRPC's


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
