"""Finds out, with plain sockets, why no gRPC connection comes about."""

import asyncio
import re
import socket
import ssl
from dataclasses import dataclass

from newstally._gateway.securing import roots
from newstally.settings import Access

_SECONDS = 3.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""How every HTTP/2 connection begins: the preface and empty settings."""
_TLS_ALERT = b"\x15\x03"
_SCHEME = re.compile(r"(https?)://(.*)", re.IGNORECASE | re.DOTALL)
_OTHER_NAME = re.compile(r"(unix|unix-abstract|vsock|ipv4|ipv6|xds|dns):.*[/:]")
DEFAULT_PORT = 50051


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands in the way."""

    text: str
    """For people, with the remedy."""
    final: bool = False
    """Waiting does not help."""
    away: bool = False
    """No connection was made: nothing is there, or no way leads to it."""


def check_target(target: str) -> str | None:
    """Return what is wrong with the form of a target, with the remedy, or None."""
    if match := _SCHEME.fullmatch(target):
        host = match[2].partition("/")[0] or "127.0.0.1"
        example = host if re.search(r":\d+$", host) else f"{host}:{DEFAULT_PORT}"
        return f"{target!r} is a web address; a target is host:port, for example {example}"
    if not target.strip() or target != target.strip():
        return f"{target!r} is no address; a target is host:port"
    host, _, port = target.rpartition(":")
    if "/" in target or _OTHER_NAME.match(target):
        return None
    if not host:
        return (
            f"{target!r} names no port; a target is host:port, for example {target}:{DEFAULT_PORT}"
        )
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        return f"{target!r} has no port from 1 to 65535 at its end; a target is host:port"
    return None


async def find_out(target: str, access: Access, name: str | None = None) -> Finding:
    """Look at what is at `host:port`; takes a few seconds at most.

    `name`: what its certificate must name, if that is not the host.
    """
    address = _split(target)
    if address is None:
        return Finding("no connection")
    # Plain sockets on a thread: each has a deadline and is closed where it was opened.
    return await asyncio.to_thread(_explain, *address, access, name or address[0])


def _explain(host: str, port: int, access: Access, name: str) -> Finding:
    try:
        return _look_over_tls(host, port, access, name) if access.over_tls else _look(host, port)
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        text = f"the name {host} cannot be resolved ({reason}); is it spelled right?"
    except ConnectionRefusedError:
        text = (
            f"nothing listens at {host}:{port}; is the gateway running (`newstally up` starts one),"
            " and is the port right?"
        )
    except TimeoutError:
        text = f"{host}:{port} does not answer; is a firewall in between?"
    except OSError as error:
        text = f"no connection to {host}:{port}: {error.strerror or error}"
    return Finding(text, away=True)


def _look(host: str, port: int) -> Finding:
    answer = _exchange(host, port)
    if answer[3:4] == b"\x04":
        return Finding("it speaks HTTP/2, but the connection does not last")
    if answer.startswith(b"HTTP/"):
        return Finding(
            "what is there speaks HTTP/1 and is no gRPC server; the gateway's gRPC port is"
            f" {DEFAULT_PORT} unless it was set otherwise (its admin port is another)",
            final=True,
        )
    if answer.startswith(_TLS_ALERT) or _speaks_tls(host, port):
        return Finding(
            "what is there speaks TLS, and this client was not told to; name the authority of its"
            " certificate with --ca FILE (NEWSTALLY_CA; `newstally up --secure` says which), or say"
            " --tls (NEWSTALLY_TLS) if it is a public one",
            final=True,
        )
    if answer:
        return Finding("what is there is no gRPC server; is the port right?", final=True)
    return Finding(f"{host}:{port} takes the connection and says nothing; is the port right?")


def _exchange(host: str, port: int) -> bytes:
    """Return the first bytes of an answer to HTTP/2, empty if there is none."""
    with socket.create_connection((host, port), _SECONDS) as connection:
        try:
            connection.sendall(_PREFACE)
            return connection.recv(64)
        except OSError:
            return b""


def _look_over_tls(host: str, port: int, access: Access, name: str) -> Finding:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    if (pem := roots(access)) is not None:
        context = ssl.create_default_context(cadata=pem.decode("ascii"))
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=name),
        ):
            return Finding("it speaks TLS, but the connection does not last")
    except ssl.SSLCertVerificationError as error:
        return Finding(
            f"the certificate that is shown there cannot be believed ({error.verify_message}); is"
            " --ca (NEWSTALLY_CA) the authority of this gateway, and is it named as there?",
            final=True,
        )
    except (ssl.SSLError, ConnectionResetError) as error:
        if _exchange(host, port):
            return Finding(
                "what is there does not speak TLS; leave out --ca and --tls (NEWSTALLY_CA,"
                " NEWSTALLY_TLS), or is the port right?",
                final=True,
            )
        reason = getattr(error, "reason", None) or error.strerror
        return Finding(f"no TLS comes about with what is there ({reason})")


def _speaks_tls(host: str, port: int) -> bool:
    """Whether a TLS handshake works there; whose certificate it is does not matter here."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except ssl.SSLError as error:
        # An alert is an answer in TLS: a server that wants another version or name, say.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def _split(target: str) -> tuple[str, int] | None:
    """Return host and port of a plain target; None for gRPC's other names."""
    name = target.removeprefix("dns:").lstrip("/")
    host, _, port = name.rpartition(":")
    if not host or not port.isdigit() or "/" in name or _OTHER_NAME.match(name):
        return None
    return host.strip("[]"), int(port)
