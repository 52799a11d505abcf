"""Files that others read or change, too: replaced as a whole, and changed by one at a time.

After a power cut the old or the new one is there; the new one, once the replacement has returned.
"""

import contextlib
import io
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TextIO

PRIVATE_MODE = 0o600
"""Of what only its owner may read."""


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
