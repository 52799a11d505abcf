"""Opens files and reads their records, in an order that only depends on the bytes."""

import contextlib
import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newstally.errors import InputError
from newstally.inputs import csv_reader, jsonl_reader
from newstally.inputs.columns import Columns
from newstally.inputs.records import Item
from newstally.values import Article

Reader = Callable[[io.TextIOBase, Columns], Iterator[Item]]

_READERS: dict[str, Reader] = {
    ".csv": csv_reader.read,
    ".jsonl": jsonl_reader.read,
    ".ndjson": jsonl_reader.read,
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file; its place in the sequence is its article's offset."""

    article: Article
    """What to send. A malformed record has an article without publication and content, which a
    gateway refuses: so it keeps its place, and is not counted."""
    path: Path
    line: int
    """Where it begins, from 1."""
    problem: str = ""
    """Why it is malformed; empty if it is not."""


class Source:
    """One or more files, read one after the other as one sequence of records."""

    def __init__(self, paths: list[Path], columns: Columns) -> None:
        """Keep absolute paths. Raises InputError for a name of unknown format."""
        self.paths = [path.absolute() for path in paths]
        self.columns = columns
        self.formats = [_format(path) for path in self.paths]
        self._stamps: dict[Path, tuple[int, int]] = {}

    def records(self, digest: "hashlib._Hash | None" = None) -> Generator[Record, None, None]:
        """Yield every record; feed the files' bytes, as they are on disk, to `digest`.

        Raises InputError if a file cannot be read, is not what its name says, has not the columns,
        or has changed since this source first read it.
        """
        for path, kind in zip(self.paths, self.formats, strict=True):
            with _explained(path), path.open("rb") as raw:
                self._check_unchanged(path, os.fstat(raw.fileno()))
                with _text(raw, kind, digest) as text:
                    for item in _READERS[kind.removesuffix(".gz")](text, self.columns):
                        yield Record(item.article, path, item.line, item.problem)
                self._check_unchanged(path, path.stat())

    def _check_unchanged(self, path: Path, now: os.stat_result) -> None:
        stamp = (now.st_size, now.st_mtime_ns)
        if self._stamps.setdefault(path, stamp) != stamp:
            raise InputError("the file changed after it was first read")


def _format(path: Path) -> str:
    name = path.name.lower()
    kind = next((suffix for suffix in _READERS if name.removesuffix(".gz").endswith(suffix)), None)
    if kind is None:
        raise InputError(f"{path}: the name must end in {', '.join(_READERS)}, with .gz or without")
    return kind + ".gz" if name.endswith(".gz") else kind


@contextlib.contextmanager
def _text(raw: BinaryIO, kind: str, digest: "hashlib._Hash | None") -> Iterator[io.TextIOWrapper]:
    with contextlib.ExitStack() as stack:
        stream = raw
        if digest is not None:
            stream = stack.enter_context(io.BufferedReader(_Digesting(raw, digest), 1 << 20))
        data = stack.enter_context(gzip.open(stream)) if kind.endswith(".gz") else stream
        yield stack.enter_context(
            io.TextIOWrapper(data, encoding="utf-8-sig", errors="replace", newline="")
        )
        while digest is not None and stream.read(1 << 20):
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


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read: {reason}") from error
