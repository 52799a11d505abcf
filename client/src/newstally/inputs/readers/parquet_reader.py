"""Parquet: columns as in CSV, values as in JSON; a record's line is its row, from 1."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from newstally.errors import InputError
from newstally.inputs.readers.arrow import pyarrow, pyarrow_parquet
from newstally.inputs.readers.columns import Columns
from newstally.inputs.readers.jsonl_reader import Fields
from newstally.inputs.readers.records import Item

MAGIC = b"PAR1"
_BATCH_ROWS = 64
_BATCH_BYTES = 1 << 30
"""What a few short values unpack to when they are a bomb."""
_BUFFER_BYTES = 1 << 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = {"days": 86_400 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def read(raw: BinaryIO, columns: Columns) -> Iterator[Item]:
    """Yield the records; `raw` is sought in.

    Raises InputError if pyarrow is missing, the file is damaged, or has not the columns.
    """
    arrow, parquet = pyarrow(), pyarrow_parquet()
    fields = Fields(columns)
    with contextlib.ExitStack() as stack:
        try:
            # Without read-ahead: a group of rows may be of any size.
            file = parquet.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            stack.callback(file.close)
            names = columns.resolve_once(file.schema_arrow.names)
            batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=names.all())
            row = 0
            for batch in batches:
                if batch.nbytes > _BATCH_BYTES:
                    raise InputError(f"rows {row + 1} and on have over {_BATCH_BYTES:,} bytes")
                fields_of_batch = [
                    (_times if field.name == names.time else _values)(field, column)
                    for field, column in zip(batch.schema, batch.columns, strict=True)
                ]
                for row_of_batch in zip(*fields_of_batch, strict=True):
                    row += 1
                    values = dict(zip(batch.schema.names, row_of_batch, strict=True))
                    item = fields.item(_texts(values), row)
                    yield replace(item, raw=_raw(values)) if item.problem else item
        except (arrow.ArrowException, OSError) as error:
            raise InputError(
                f"cannot be read as Parquet: it is truncated or damaged ({error!s:.200}); fetch it"
                " again"
            ) from error


def _values(field: Any, column: Any) -> list[Any]:
    """Return a column's values. Raises InputError for those that Python has none for."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"the column {field.name} ({field.type}) has a value that cannot be read"
            f" ({error!s:.200}); mend it, or name another column"
        ) from error


def _times(field: Any, column: Any) -> list[Any]:
    """Return the values of the column of times.

    Arrow's own conversion fails as a whole outside the years 1 to 9999, without the rules of the
    zone, which nobody needs as it counts in UTC, and without pandas for nanoseconds.
    """
    kind = str(field.type)
    if kind == "date32[day]":
        numbers, unit = column.cast("int32"), "days"
    elif kind.startswith("timestamp"):
        numbers, unit = column.cast("int64"), field.type.unit
    else:
        return _values(field, column)
    return [None if number is None else _time(number, unit) for number in numbers.to_pylist()]


def _time(number: int, unit: str) -> datetime | str:
    """Return the time, or a text that cannot be read as one."""
    try:
        return _EPOCH + timedelta(microseconds=number * _NANOSECONDS[unit] // 1000)
    except OverflowError:
        return f"{number} {unit} from 1970-01-01"


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """Some writers store text as bytes."""
    for name, value in values.items():
        if isinstance(value, bytes):
            with contextlib.suppress(UnicodeDecodeError):
                values[name] = value.decode()
    return values


def _raw(values: dict[str, Any]) -> str:
    return json.dumps(values, default=str)
