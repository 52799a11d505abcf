"""What an input is made of: files, or what came through a pipe; their bytes, and their text."""

import codecs
import contextlib
import glob
import hashlib
import io
import os
import select
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from newstally.errors import InputError
from newstally.inputs.archives import is_archive
from newstally.inputs.formats import by_name
from newstally.inputs.unpacking import Eager

PIPE = Path("-")
"""Stands for standard input."""
PIPE_NAME = Path("stdin")
"""How it is called in messages; no file is, for those have absolute paths."""
REJECTED = ".rejected.jsonl"
"""How the file of an input's rejects ends. Found beside its input it is not read with it: the input
would be another one, and counted again, as soon as there are rejects."""
_CHUNK = 1 << 20
_ENOUGH_BYTES = 1 << 16
_TICK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class File:
    """One file of an input, or the pipe."""

    path: Path
    """Absolute, or `PIPE_NAME`."""
    format: str | None
    """One of `FORMATS`, as told or by its name; None: its content tells."""
    piped: BinaryIO | None = None
    """What came through the pipe."""
    once: bool = False
    """It is the pipe itself, and can be read once."""

    @property
    def kind(self) -> str:
        """What tells two readings of the same bytes apart."""
        name = self.path.name.lower()
        ending = next((end for end in _ENDINGS if name.endswith(end)), ".jsonl")
        return (
            ending
            if self.format is None or ending.startswith(f".{self.format}")
            else (f".{self.format}")
        )

    def open(self) -> BinaryIO:
        """Open it at its beginning. One at a time: openings of the pipe share their position."""
        if self.piped is None:
            return self.path.open("rb")
        if self.once:
            return cast("BinaryIO", Eager(_Pipe(self.piped), _CHUNK))
        raw = os.fdopen(os.dup(self.piped.fileno()), "rb")
        raw.seek(0)
        return raw

    def stat(self) -> os.stat_result:
        """Return its size and times. Raises OSError."""
        return self.path.stat() if self.piped is None else os.fstat(self.piped.fileno())


_ENDINGS = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


class _Pipe(io.RawIOBase):
    """A pipe, of which enough has come at the beginning to tell its format. Closing leaves it."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._read: Callable[[int], bytes] = getattr(pipe, "read1", pipe.read)
        self._beginning = b""
        while len(self._beginning) < _ENOUGH_BYTES and b"\n" not in self._beginning:
            data = self._read(_ENOUGH_BYTES)
            if not data:
                break
            self._beginning += data

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Return what has come, and wait only while that is nothing."""
        if self._beginning:
            data, self._beginning = self._beginning[: len(buffer)], self._beginning[len(buffer) :]
        else:
            data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def identify(
    path: Path, piped: BinaryIO | None, told: str | None = None, *, once: bool = False
) -> File:
    """Return the file for a path; `piped` is what `-` stands for, `told` the format if it is."""
    if path == PIPE:
        return File(PIPE_NAME, told, piped, once)
    return File(path.absolute(), told or by_name(path.name))


def found(paths: Sequence[Path], *, recursive: bool) -> list[Path]:
    """Return the files that are meant: patterns and, if `recursive`, folders give theirs, sorted.

    Raises InputError for what is not there, for a folder otherwise, and where nothing is found.
    """
    files: list[Path] = []
    named = {str(path) for path in paths}
    for path in paths:
        if path.name.endswith(REJECTED) and str(path).removesuffix(REJECTED) in named:
            continue  # the shell found it for a pattern
        if path == PIPE:
            files.append(path)
        elif path.is_dir():
            if not recursive:
                raise InputError(f"{path}: is a folder; --recursive reads the files in it")
            files += _in_folder(path)
        elif path.exists():
            files.append(path)
        elif glob.has_magic(str(path)):
            # Path.glob takes no absolute pattern.
            every = sorted(glob.glob(str(path), recursive=recursive))  # noqa: PTH207
            matches = [match for match in every if not match.endswith(REJECTED)]
            if not matches:
                raise InputError(f"{path}: no file is of this pattern")
            files += found([Path(match) for match in matches], recursive=recursive)
        else:
            raise InputError(f"{path}: cannot be read: No such file or directory")
    return files


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (by_name(path.name) or is_archive(path.name))
        and not path.name.endswith(REJECTED)
    )
    if not files:
        raise InputError(f"{folder}: no file in it has a name of a format that is read")
    return files


@contextlib.contextmanager
def spooled(pipe: BinaryIO, on_read: Callable[[int], None] = lambda _: None) -> Iterator[BinaryIO]:
    """Read a pipe to its end into a temporary file without a name: no kill leaves it behind.

    So a pipe is an input like any other: known as a whole before anything is sent. `on_read` is
    told how many bytes have come, also now and then while none come. Raises InputError if there is
    no room for it.
    """
    with contextlib.ExitStack() as stack:
        try:
            spool = stack.enter_context(tempfile.TemporaryFile(prefix="newstally-"))
            for data in _chunks(pipe, lambda: on_read(spool.tell())):
                spool.write(data)
                on_read(spool.tell())
            spool.flush()
        except OSError as error:
            raise InputError(
                f"cannot keep what was piped in {tempfile.gettempdir()}: {error.strerror}; set"
                " TMPDIR to a directory with room, or write it to a file"
            ) from error
        yield spool


def _chunks(pipe: BinaryIO, on_wait: Callable[[], None]) -> Iterator[bytes]:
    """Yield what comes; `on_wait` is called while nothing does."""
    try:
        descriptor = None if sys.platform == "win32" else pipe.fileno()
    except OSError:  # it is none of the system's
        descriptor = None
    while True:
        while descriptor is not None and not select.select([descriptor], [], [], _TICK_SECONDS)[0]:
            on_wait()
        data = pipe.read(_CHUNK) if descriptor is None else os.read(descriptor, _CHUNK)
        if not data:
            return
        yield data


def canonical_encoding(name: str) -> str:
    """Return one name for all spellings. Raises InputError unless text can be read with it."""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise InputError(
            f"--encoding {name}: not known; for example utf-8, latin-1, cp1252 or utf-16"
        ) from error


class Digesting(io.RawIOBase):
    """Passes on what it reads, and feeds it to a digest."""

    def __init__(self, raw: BinaryIO, digest: "hashlib._Hash") -> None:
        self._raw = raw
        self._digest = digest

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Read, and feed."""
        data = self._raw.read(len(buffer))
        self._digest.update(data)
        buffer[: len(data)] = data
        return len(data)


@contextlib.contextmanager
def digested(raw: BinaryIO, digest: "hashlib._Hash | None") -> Iterator[BinaryIO]:
    """Give `raw`, with all its bytes fed to `digest` in the end."""
    if digest is None:
        yield raw
        return
    with io.BufferedReader(Digesting(raw, digest), _CHUNK) as stream:
        yield stream
        while stream.read(_CHUNK):
            pass  # what the reader did not need belongs to the digest, too


def text(data: BinaryIO, encoding: str, errors: str = "strict") -> io.TextIOWrapper:
    """Return the text of bytes; `errors` says what becomes of what cannot be decoded.

    With "strict" it comes as surrogates, which `records.lines` refuses with their line.
    """
    return io.TextIOWrapper(
        data,
        encoding="utf-8-sig" if encoding == "utf-8" else encoding,
        errors="surrogateescape" if errors == "strict" else errors,
        newline="",
    )
