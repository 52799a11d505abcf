"""Rows as Parquet."""

from collections.abc import Sequence
from typing import IO, Any

from newstally.inputs.readers.arrow import pyarrow, pyarrow_parquet

Row = Sequence[str | int]
_GROUP_ROWS = 50_000
"""Rows that are kept in memory; what a group of them takes on disk is read as a whole."""


class ParquetWriter:
    """Collects rows and writes them in groups. Numbers are 64 bits wide."""

    def __init__(self, file: IO[bytes], names: Sequence[str]) -> None:
        self._file = file
        self._names = names
        self._columns: list[list[str | int]] = [[] for _ in names]
        self._writer: Any = None

    def write(self, row: Row) -> None:
        """Keep a row; raises ValueError for one of another length."""
        for column, cell in zip(self._columns, row, strict=True):
            column.append(cell)
        if len(self._columns[0]) >= _GROUP_ROWS:
            self._write_group()

    def close(self) -> None:
        """Write what is left, and the end of the file."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        arrow, parquet = pyarrow(), pyarrow_parquet()
        numbers = ("mentions", "articles")
        schema = arrow.schema(
            [(name, arrow.int64() if name in numbers else arrow.string()) for name in self._names]
        )
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._file, schema)
        group = dict(zip(self._names, self._columns, strict=True))
        self._writer.write_table(arrow.table(group, schema=schema))
        self._columns = [[] for _ in self._names]
