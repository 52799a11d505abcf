"""Whom a client believes that it is the gateway, and who it says that it is itself."""

import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
from newstally_protos.keys import KEY_METADATA
from newstally_protos.loopback import on_loopback

from newstally.errors import InputError
from newstally.settings import Access

Metadata = Sequence[tuple[str, str]]

_KEY = re.compile(r"[\x21-\x7e]{1,512}")


def roots(access: Access) -> bytes | None:
    """Return the PEM of the authorities that count, or None for the public ones.

    Raises InputError when the file of them cannot be used.
    """
    match access.ca:
        case Path() as path:
            try:
                pem = path.read_bytes()
            except OSError as error:
                raise InputError(f"--ca {path}: {error.strerror or error}") from error
            name = str(path)
        case None:
            return None
        case pem:
            name = "given"
    try:
        # gRPC takes anything here, and can then connect to nobody.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise InputError(f"--ca {name}: this is no certificate in PEM") from error
    return pem


def credentials(access: Access) -> grpc.ChannelCredentials | None:
    """Return what a channel needs, or None where no TLS is spoken. Raises InputError."""
    if not access.over_tls:
        return None
    return grpc.ssl_channel_credentials(root_certificates=roots(access))


def key_metadata(access: Access, target: str) -> Metadata:
    """Return the metadata of every call.

    Raises InputError for what is no key, and where one would go to another machine in plain text
    though nobody said that it may.
    """
    if access.key is None:
        return ()
    if not _KEY.fullmatch(access.key):
        raise InputError("the key is none: it has spaces, line ends or letters that no key has")
    if access.tls is None and not access.over_tls and not _is_here(target):
        raise InputError(
            f"the key would go to {target} in plain text: say with --ca FILE or --tls that TLS is "
            "spoken there, or with --no-tls that the key may go all the same"
        )
    return ((KEY_METADATA, f"Bearer {access.key}"),)


class Showing(grpc.aio.UnaryUnaryClientInterceptor):
    """Adds metadata to unary calls. A stream carries its own, so that no message pays for it."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Any, Any], Awaitable[Any]],
        client_call_details: Any,
        request: Any,
    ) -> Any:
        """Go on with the metadata."""
        metadata = grpc.aio.Metadata(*(client_call_details.metadata or ()), *self._metadata)
        return await continuation(client_call_details._replace(metadata=metadata), request)


def _is_here(target: str) -> bool:
    """Return whether a target is on this machine."""
    scheme, _, rest = target.rpartition("//")
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = rest.rsplit("/", 1)[-1] if scheme else target.removeprefix("dns:")
    return on_loopback(host.rpartition(":")[0] or host)
