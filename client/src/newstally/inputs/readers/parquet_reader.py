"""Parquet: columns as in CSV, values as in JSON; a record's line is its row, from 1."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
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
            names = columns.resolve(file.schema_arrow.names)
            wanted = [names.publication, names.content, names.article_id, names.time]
            batches = file.iter_batches(
                batch_size=_BATCH_ROWS, columns=[name for name in wanted if name is not None]
            )
            row = 0
            for batch in batches:
                if batch.nbytes > _BATCH_BYTES:
                    raise InputError(f"rows {row + 1} and on have over {_BATCH_BYTES:,} bytes")
                for values in batch.to_pylist():
                    row += 1
                    item = fields.item(_texts(values), row)
                    yield replace(item, raw=_raw(values)) if item.problem else item
        except (arrow.ArrowException, OSError) as error:
            raise InputError(
                f"cannot be read as Parquet: it is truncated or damaged ({error!s:.200}); fetch it"
                " again"
            ) from error


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    """Some writers store text as bytes."""
    for name, value in values.items():
        if isinstance(value, bytes):
            with contextlib.suppress(UnicodeDecodeError):
                values[name] = value.decode()
    return values


def _raw(values: dict[str, Any]) -> str:
    return json.dumps(values, default=str)
