"""Is the public port free? Seen to before anything is started in vain."""

import asyncio
import errno
import socket
from collections.abc import Callable

from newstally.up.child import StartFailed
from newstally.up.services import HOST

POLL_SECONDS = 0.2


async def until_free(
    port: int, patience_seconds: float, on_taken: Callable[[], None], flag: str = "--port"
) -> None:
    """Return when the port can be used; `on_taken` is called once if that is not now.

    A gateway whose supervisor was killed keeps its port while it drains. Raises StartFailed when
    the port is still taken after `patience_seconds`, and at once if it can never be used; `flag`
    sets another one.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + patience_seconds
    told = False
    while (error := _probe(port)) is not None:
        if error.errno != errno.EADDRINUSE or loop.time() >= end:
            raise StartFailed(
                f"port {port} cannot be used ({error.strerror}): choose another with {flag}"
            ) from error
        if not told:
            told = True
            on_taken()
        await asyncio.sleep(POLL_SECONDS)


def _probe(port: int) -> OSError | None:
    with socket.socket() as probe:
        # As servers do: a port that only waits for old connections to be forgotten is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None
