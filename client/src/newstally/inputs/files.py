"""What an input is made of: files, or what came through a pipe; their bytes, and their text."""

import codecs
import contextlib
import gzip
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newstally.errors import InputError

PIPE = Path("-")
"""Stands for standard input."""
PIPE_NAME = Path("stdin")
"""How it is called in messages; no file is, for those have absolute paths."""
CSV = ".csv"
KINDS = (CSV, ".jsonl", ".ndjson")
_PIPE_KIND = ".jsonl"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """One file of an input, or the pipe."""

    path: Path
    """Absolute, or `PIPE_NAME`."""
    kind: str
    """How it is read: one of `KINDS`, with .gz or without."""
    piped: BinaryIO | None = None
    """What came through the pipe."""

    def open(self) -> BinaryIO:
        """Open it at its beginning. One at a time: openings of the pipe share their position."""
        if self.piped is None:
            return self.path.open("rb")
        raw = os.fdopen(os.dup(self.piped.fileno()), "rb")
        raw.seek(0)
        return raw

    def stat(self) -> os.stat_result:
        """Return its size and times. Raises OSError."""
        return self.path.stat() if self.piped is None else os.fstat(self.piped.fileno())


def identify(path: Path, piped: BinaryIO | None) -> File:
    """Return the file for a path of the command line; `piped` is what `-` stands for.

    Raises InputError for a name of unknown format.
    """
    if path == PIPE:
        return File(PIPE_NAME, _PIPE_KIND, piped)
    name = path.name.lower()
    kind = next((kind for kind in KINDS if name.removesuffix(".gz").endswith(kind)), None)
    if kind is None:
        raise InputError(f"{path}: the name must end in {', '.join(KINDS)}, with .gz or without")
    return File(path.absolute(), kind + ".gz" if name.endswith(".gz") else kind)


@contextlib.contextmanager
def spooled(pipe: BinaryIO) -> Iterator[BinaryIO]:
    """Read a pipe to its end into a temporary file without a name: no kill leaves it behind.

    So a pipe is an input like any other: known as a whole before anything is sent. Raises
    InputError if there is no room for it.
    """
    with contextlib.ExitStack() as stack:
        try:
            spool = stack.enter_context(tempfile.TemporaryFile(prefix="newstally-"))
            shutil.copyfileobj(pipe, spool, _CHUNK)
            spool.flush()
        except OSError as error:
            raise InputError(
                f"cannot keep what was piped in {tempfile.gettempdir()}: {error.strerror}; set"
                " TMPDIR to a directory with room, or write it to a file"
            ) from error
        yield spool


def canonical_encoding(name: str) -> str:
    """Return one name for all spellings. Raises InputError unless text can be read with it."""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise InputError(
            f"--encoding {name}: not known; for example utf-8, latin-1, cp1252 or utf-16"
        ) from error


@contextlib.contextmanager
def text(
    raw: BinaryIO, kind: str, encoding: str, digest: "hashlib._Hash | None"
) -> Iterator[io.TextIOWrapper]:
    """Give the text of a file, unzipped; feed all its bytes, as they are on disk, to `digest`.

    What cannot be decoded comes as surrogates; see `newstally.inputs.records.lines`.
    """
    with contextlib.ExitStack() as stack:
        stream = raw
        if digest is not None:
            stream = stack.enter_context(io.BufferedReader(_Digesting(raw, digest), _CHUNK))
        data = stack.enter_context(gzip.open(stream)) if kind.endswith(".gz") else stream
        yield stack.enter_context(
            io.TextIOWrapper(
                data,
                encoding="utf-8-sig" if encoding == "utf-8" else encoding,
                errors="surrogateescape",
                newline="",
            )
        )
        while digest is not None and stream.read(_CHUNK):
            pass  # what the reader did not need belongs to the digest, too


class _Digesting(io.RawIOBase):
    """Passes on what it reads, and feeds it to a digest."""

    def __init__(self, raw: BinaryIO, digest: "hashlib._Hash") -> None:
        self._raw = raw
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        data = self._raw.read(len(buffer))
        self._digest.update(data)
        buffer[: len(data)] = data
        return len(data)
