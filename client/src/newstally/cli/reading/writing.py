"""Writes rows of tallies as CSV, TSV, JSON Lines or Parquet, as a stream."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol, TextIO

from newstally.cli.reading.parquet import ParquetWriter, Row
from newstally.errors import InputError


class ExportFormat(StrEnum):
    """What tallies can be written as."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Writer(Protocol):
    """Takes rows one by one."""

    def write(self, row: Row) -> None:
        """Write a row; its cells are those of the names that it was made with."""
        ...

    def close(self) -> None:
        """Write what is left, and leave the file open."""
        ...


def make_writer(form: ExportFormat, file: IO[bytes], names: Sequence[str]) -> Writer:
    """Return a writer; raises InputError where Parquet is wanted and pyarrow is not there."""
    if form is ExportFormat.PARQUET:
        return ParquetWriter(file, names)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    if form is ExportFormat.JSONL:
        return _JsonLines(text, names)
    return _Csv(text, names, "\t" if form is ExportFormat.TSV else ",")


def format_of(path: Path | None, told: ExportFormat | None) -> ExportFormat:
    """Return the format as told, or by the name of the file; CSV where neither says."""
    if told is not None or path is None:
        return told or ExportFormat.CSV
    ending = path.suffix.lower().removeprefix(".")
    if ending not in [*ExportFormat, "ndjson"]:
        raise InputError(f"{path}: its name tells no format; add --format csv|tsv|jsonl|parquet")
    return ExportFormat.JSONL if ending == "ndjson" else ExportFormat(ending)


@contextmanager
def standard_output() -> Iterator[IO[bytes]]:
    """Give standard output for bytes."""
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


class _Csv:
    def __init__(self, file: TextIO, names: Sequence[str], delimiter: str) -> None:
        self._file = file
        self._rows = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        self._rows.writerow(names)

    def write(self, row: Row) -> None:
        self._rows.writerow(row)

    def close(self) -> None:
        self._file.detach()  # type: ignore[attr-defined]


class _JsonLines:
    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        self._file = file
        self._names = names

    def write(self, row: Row) -> None:
        fields = dict(zip(self._names, row, strict=True))
        self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.detach()  # type: ignore[attr-defined]
