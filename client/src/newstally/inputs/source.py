"""Reads the records of an input, in an order that only depends on its bytes."""

import contextlib
import hashlib
import io
import os
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newstally.errors import InputError
from newstally.inputs import csv_reader, jsonl_reader
from newstally.inputs.columns import Columns
from newstally.inputs.files import CSV, PIPE, File, canonical_encoding, identify, text
from newstally.inputs.records import Item
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
        delimiter: str | None = None,
        piped: BinaryIO | None = None,
    ) -> None:
        """Keep absolute paths; nothing is read yet.

        `piped` is what the path `-` stands for, a file that stays open. Raises InputError for a
        name of unknown format, and for options that cannot be meant.
        """
        self.files = [identify(path, piped) for path in paths]
        if list(paths).count(PIPE) > 1:
            raise InputError("- can be named once: a pipe has one content")
        if delimiter is not None and not any(file.kind.startswith(CSV) for file in self.files):
            raise InputError("--delimiter is for CSV, and there is none among the files")
        self.columns = columns
        self.encoding = canonical_encoding(encoding)
        self.delimiter = csv_reader.DELIMITER
        if delimiter is not None:
            self.delimiter = csv_reader.check_delimiter(delimiter)
        self._stamps: dict[Path, tuple[int, int]] = {}

    def records(self, digest: "hashlib._Hash | None" = None) -> Generator[Record, None, None]:
        """Yield every record; feed the files' bytes, as they are on disk, to `digest`.

        Raises InputError if a file cannot be read, is not what its name says, is not of the
        encoding, has not the columns, or has changed since this source first read it.
        """
        for file in self.files:
            with self._explained(file), file.open() as raw:
                self._check_unchanged(file.path, os.fstat(raw.fileno()))
                with text(raw, file.kind, self.encoding, digest) as stream:
                    for item in self._items(file, stream):
                        yield Record(item.article, file.path, item.line, item.problem)
                self._check_unchanged(file.path, file.stat())

    def _items(self, file: File, stream: io.TextIOWrapper) -> Iterator[Item]:
        if file.kind.startswith(CSV):
            return csv_reader.read(stream, self.columns, self.delimiter)
        return jsonl_reader.read(stream, self.columns)

    def _check_unchanged(self, path: Path, now: os.stat_result) -> None:
        stamp = (now.st_size, now.st_mtime_ns)
        if self._stamps.setdefault(path, stamp) != stamp:
            raise InputError("the file changed after it was first read")

    @contextlib.contextmanager
    def _explained(self, file: File) -> Iterator[None]:
        try:
            yield
        except InputError as error:
            raise InputError(f"{file.path}: {error}") from error
        except UnicodeError as error:
            raise InputError(
                f"{file.path}: not {self.encoding.upper()} ({error}): name the file's encoding with"
                " --encoding"
            ) from error
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{file.path}: cannot be read: {reason}") from error
