"""Reads the records of an input, in an order that only depends on its bytes."""

import contextlib
import gzip
import hashlib
import io
import itertools
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from newstally.errors import InputError
from newstally.inputs import archives
from newstally.inputs.files import (
    PIPE,
    File,
    canonical_encoding,
    digested,
    identify,
    text,
)
from newstally.inputs.formats import BEGINNING_BYTES, JSON, JSONL, PARQUET, TSV, by_name, settle
from newstally.inputs.readers import csv_reader, json_reader, jsonl_reader, parquet_reader
from newstally.inputs.readers.columns import Columns
from newstally.inputs.readers.records import Item
from newstally.inputs.unpacking import UNPACKING_ERRORS, Counted, unpacked
from newstally.values import Article


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file; its place in the sequence is its article's offset."""

    article: Article
    """What to send. For a malformed record it is `MALFORMED`, which a gateway refuses: so it keeps
    its place, and is not counted."""
    path: Path
    line: int
    """Where it begins, from 1."""
    problem: str = ""
    """Why it is malformed; empty if it is not."""
    raw: str = ""
    """What is malformed, as it stands in the input; empty where it is too long to be kept."""
    time_problem: str = ""
    """Why the article has no time although there is a column for it."""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.path}:{self.line}"


class Source:
    """One or more files, read one after the other as one sequence of records."""

    def __init__(
        self,
        paths: Sequence[Path],
        columns: Columns,
        *,
        encoding: str = "utf-8",
        encoding_errors: str = "strict",
        delimiter: str | None = None,
        told: str | None = None,
        skip: int = 0,
        limit: int | None = None,
        piped: BinaryIO | None = None,
        once: bool = False,
    ) -> None:
        """Keep absolute paths; nothing is read yet.

        `encoding_errors` is what becomes of bytes that are not of the encoding: "strict", an
        error; "replace" or "ignore".
        `told` is the format of all files, one of `FORMATS`; by default names and contents tell.
        The first `skip` records are left out, and all after `limit` more.
        `piped` is what the path `-` stands for, a file that stays open; `once`: the pipe itself,
        which is read as it comes. Raises InputError for
        options that cannot be meant.
        """
        self.files = [identify(path, piped, told, once=once) for path in paths]
        if list(paths).count(PIPE) > 1:
            raise InputError("- can be named once: a pipe has one content")
        if delimiter is not None and all(
            file.format in (JSON, JSONL, PARQUET) for file in self.files
        ):
            raise InputError("--delimiter is for CSV, and there is none among the files")
        self.told = told
        self._skip = skip
        self._limit = limit
        self.columns = columns
        self.encoding = canonical_encoding(encoding)
        self.delimiter = csv_reader.DELIMITER
        self._delimiter_told = delimiter is not None
        if delimiter is not None:
            self.delimiter = csv_reader.check_delimiter(delimiter)
        self._encoding_errors = encoding_errors
        self._sizes = [0] * len(self.files)
        self._at: tuple[int, BinaryIO] | None = None
        self._stamps: dict[Path, tuple[int, int]] = {}

    def records(self, digest: "hashlib._Hash | None" = None) -> Generator[Record, None, None]:
        """Yield the records; feed the files' bytes, as they are on disk, to `digest`.

        Raises InputError if a file cannot be read, is not what its name says, is not of the
        encoding, has not the columns, or has changed since this source first read it.
        """
        end = None if self._limit is None else self._skip + self._limit
        with contextlib.closing(self._all(digest)) as every:
            yield from itertools.islice(every, self._skip, end)

    def _all(self, digest: "hashlib._Hash | None") -> Generator[Record, None, None]:
        self._sizes = [_size(file) for file in self.files]
        for number, file in enumerate(self.files):
            with self._explained(file.path), file.open() as raw:
                if file.once:
                    yield from self._of_file(file, raw, digest)
                    continue
                self._check_unchanged(file.path, os.fstat(raw.fileno()))
                self._at = (number, raw)
                yield from self._of_file(file, raw, digest)
                self._check_unchanged(file.path, file.stat())

    def progress(self) -> float:
        """Return how much of the input the reading has come past, 0.0 to 1.0."""
        if self._at is None:
            return 0.0
        number, raw = self._at
        done = sum(self._sizes[:number]) + (0 if raw.closed else raw.tell())
        return min(1.0, done / max(1, sum(self._sizes)))

    def _of_file(
        self, file: File, raw: BinaryIO, digest: "hashlib._Hash | None"
    ) -> Iterator[Record]:
        beginning = cast("io.BufferedReader", raw).peek(4)[:4]
        zipped, parquet = archives.is_zip(beginning), beginning == parquet_reader.MAGIC
        if file.once and (zipped or parquet):
            raise InputError("a .zip or Parquet in a pipe is read only without --upload-id")
        with digested(raw, digest) as stream:
            if not (zipped or parquet):
                with unpacked(stream) as data:
                    if archives.is_tar(data.peek(512)):
                        yield from self._of_members(file, archives.tar_members(data, self._wanted))
                    else:
                        yield from self._of_text(file.path, file.format, data)
        if zipped:  # it is read from its end, and digested by now
            raw.seek(0)
            yield from self._of_members(file, archives.zip_members(raw, self._wanted))
        elif parquet:  # likewise
            raw.seek(0)
            items = parquet_reader.read(raw, self.columns)
            yield from (_record(file.path, item) for item in items)

    def _of_members(self, file: File, members: Iterator[archives.Member]) -> Iterator[Record]:
        for name, member in members:
            path = file.path / name
            with self._explained(path), unpacked(member) as data:
                yield from self._of_text(path, self.told or by_name(name), data)

    def _of_text(
        self, path: Path, form: str | None, data: "io.BufferedReader[Counted]"
    ) -> Iterator[Record]:
        form = settle(form, data.peek(BEGINNING_BYTES)[:BEGINNING_BYTES], self.encoding)
        stream = text(data, self.encoding, self._encoding_errors)
        try:
            for item in self._items(form, stream):
                yield _record(path, item)
        finally:
            stream.detach()

    def _wanted(self, name: str) -> bool:
        return self.told is not None or archives.readable_by_name(name)

    def _items(self, form: str, stream: io.TextIOWrapper) -> Iterator[Item]:
        if form == JSON:
            return json_reader.read(stream, self.columns)
        if form == JSONL:
            return jsonl_reader.read(stream, self.columns)
        tabs = form == TSV and not self._delimiter_told
        return csv_reader.read(stream, self.columns, "\t" if tabs else self.delimiter)

    def _check_unchanged(self, path: Path, now: os.stat_result) -> None:
        stamp = (now.st_size, now.st_mtime_ns)
        if self._stamps.setdefault(path, stamp) != stamp:
            raise InputError("the file changed after it was first read")

    @contextlib.contextmanager
    def _explained(self, path: Path) -> Iterator[None]:
        try:
            yield
        except _Explained:
            raise
        except InputError as error:
            raise _Explained(f"{path}: {error}") from error
        except UnicodeError as error:
            raise _Explained(
                f"{path}: not {self.encoding.upper()} ({error}): name the file's encoding with"
                " --encoding"
            ) from error
        except (*UNPACKING_ERRORS, *archives.ARCHIVE_ERRORS, gzip.BadGzipFile) as error:
            raise _Explained(
                f"{path}: cannot be read: it is truncated or damaged ({error}); fetch it again"
            ) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise _Explained(f"{path}: cannot be read: {reason}") from error


def _record(path: Path, item: Item) -> Record:
    return Record(item.article, path, item.line, item.problem, item.raw, item.time_problem)


def _size(file: File) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # opening it tells


class _Explained(InputError):  # noqa: N818 - named for what happened
    """An error that names its file already."""
