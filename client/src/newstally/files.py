"""Files that others read or change, too: replaced as a whole, and changed by one at a time.

After a power cut the old or the new one is there; the new one, once the replacement has returned.
"""

import contextlib
import io
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

from newstally.errors import InputError

PRIVATE_MODE = 0o600
"""Of what only its owner may read."""
ALONE_SECONDS = 10.0
"""How long others are waited for; each is done within a second, unless it was stopped."""
_POLL_SECONDS = 0.02


@contextlib.contextmanager
def replacing_bytes(path: Path, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Give a file for the new content, which takes the place of the old one in the end.

    It has this mode, or that of any new file; nobody else reads what may get another one.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    first = 0o666 if mode is None else PRIVATE_MODE
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, first)) as file:
            if mode is not None:
                temporary.chmod(mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Give a file for the new text, in UTF-8, likewise."""
    with replacing_bytes(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8")
        yield text
        text.detach()


def sync_directory(path: Path) -> None:
    """Make what was renamed or removed in a directory durable."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one at a time in, by a lock file that stays there.

    Blocks while another one is in, at most ALONE_SECONDS; then raises InputError.
    """
    # Windows has none, and all else works there.
    import fcntl  # noqa: PLC0415

    with lock.open("a") as file:
        deadline = time.monotonic() + ALONE_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise InputError(
                        f"{lock}: another process has held it for {ALONE_SECONDS:g} s: let it end,"
                        " or end it, and try again"
                    ) from error
            time.sleep(_POLL_SECONDS)
        yield
