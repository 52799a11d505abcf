"""Whom a client believes that it is the gateway."""

import ssl
from pathlib import Path

import grpc

from newstally.errors import InputError
from newstally.settings import Access


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
