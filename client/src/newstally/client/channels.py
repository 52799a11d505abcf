"""A channel to a gateway, for what calls it through the stubs."""

from pathlib import Path

import grpc
from newstally_protos.wire import connect

from newstally._gateway.probing import check_target
from newstally._gateway.securing import Showing, credentials, key_metadata
from newstally.errors import InputError, NoGateway
from newstally.settings import Access


def open_channel(
    target: str, access: Access, *, address: str | None = None, name: str | None = None
) -> grpc.aio.Channel:
    """Open a channel to a gateway: TLS and key as `access` says. Nothing is sent before a call.

    `address`: one of those that the target stands for; `name`: what its certificate must name, if
    that is not the host. Raises NoGateway for what cannot be a target, and InputError when the file
    of authorities cannot be used, or the key may not be shown there.
    """
    wrong = check_target(target)
    if wrong is not None:
        raise NoGateway(wrong)
    shown = key_metadata(access, target)
    interceptors = [Showing(shown)] if shown else []
    return connect(address or target, credentials(access), name, interceptors)


def read_key(path: Path) -> str:
    """Return the key in a file. Raises InputError."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no key"
        raise InputError(f"--key-file {path}: {reason}") from error
    if not text:
        raise InputError(f"--key-file {path}: is empty")
    return text
