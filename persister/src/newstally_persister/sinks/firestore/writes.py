"""What a part writes: one merge-set with increments per changed publication and entity.

The messages are built directly: the client's own `batch.set(..., merge=True)` makes the same ones
at twenty times the cost, on the event loop (0.37 ms per row against 0.02).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from google.cloud.firestore_v1.types import write as write_types

from newstally_persister.sinks.firestore import sizes
from newstally_persister.sinks.firestore.days import Window, increments, month_name
from newstally_persister.sinks.firestore.ids import entity_id, order_key, publication_id
from newstally_persister.values.parts import (
    DayCounts,
    EntityRow,
    Part,
    PartLimits,
    PublicationRow,
    Row,
)

PUBLICATIONS = "publications"
ENTITIES = "entities"
WRITES_LIMIT = 5_000
"""Most writes in a part."""

Write = write_types.Write.pb()
"""The protobuf class itself."""

_FRAME_BYTES = 5
"""Tag and length of a write in its request."""


def part_limits(writes: int) -> PartLimits:
    """Return limits under which Firestore takes every part. `writes` <= WRITES_LIMIT."""
    return PartLimits(rows=writes, size_bytes=sizes.PART_LIMIT_BYTES, weigh=sizes.row_bytes)


def writes_of_flush(rows: int, parts: int) -> int:
    """Return how many writes a flush of so many rows and parts costs, from its cut to its end."""
    # Rows, receipts, the mark moved; then the receipts' expiry, and the mark again.
    return rows + parts + 1 + parts + 1


def row_writes(documents: str, part: Part, kept: Window) -> list[Any]:
    """Return the writes of a part's rows.

    `documents` is what every name begins with: `projects/…/databases/…/documents`.
    """
    deleted = kept.deleted
    writes = []
    rows: list[Row] = [*part.publications, *part.entities]
    for row in rows:
        if isinstance(row, PublicationRow):
            write = publication_write(documents, row)
        else:
            write = entity_write(documents, row)
        if len(row.days) == 1:
            write.MergeFrom(_of_one_day(row.days[0], kept))
        elif row.days:
            add_days(write, increments(row.days, kept), deleted)
        writes.append(write)
    return writes


@lru_cache(maxsize=10_000)
def _of_one_day(day: DayCounts, kept: Window) -> Any:
    """Return what such a row adds to its write: most rows are of one day, and mentioned once."""
    write = Write()
    add_days(write, increments((day,), kept), kept.deleted)
    return write


@lru_cache(maxsize=256)
def publication_name(documents: str, key: str) -> str:
    """Return the name of a publication's document: neighbouring rows have the same one."""
    return f"{documents}/{PUBLICATIONS}/{publication_id(key)}"


def size_bytes(write: Any) -> int:
    """Return what a write adds to a request."""
    return int(write.ByteSize()) + _FRAME_BYTES


def deleted(document: Any) -> Any:
    """Return the write that deletes a document, if it is still as it was seen."""
    write = Write(delete=document.name)
    write.current_document.update_time.CopyFrom(document.update_time)
    return write


def receipt(name: str, digest: str) -> Any:
    """Return the write that makes a receipt, and fails when there is one."""
    write = _written(name, {"digest": digest})
    write.current_document.exists = False
    return write


def receipt_expiry(name: str, expire_at: datetime) -> Any:
    """Return the write that lets a receipt go."""
    write = Write()
    write.update.name = name
    write.update.fields["expire_at"].timestamp_value.FromDatetime(expire_at)
    # A merge, not an update: the receipt may have gone since an earlier attempt.
    write.update_mask.field_paths.append("expire_at")
    return write


def mark_started(name: str, flush: int, seen: Any, kept: Window) -> Any:
    """Return the write that moves a mark, if it is still as it was seen (None: not there)."""
    moved: dict[str, str | int] = {"started": flush}
    if kept.days_from is not None:
        moved["days_from"] = month_name(kept.days_from)
    if seen is None:
        write = _written(name, {**moved, "completed": 0})
        write.current_document.exists = False
        return write
    write = _written(name, moved)
    write.update_mask.field_paths.extend(moved)
    write.current_document.update_time.CopyFrom(seen.update_time)
    return write


def mark_completed(name: str, flush: int) -> Any:
    """Return the write that moves a mark forward, and fails when there is none."""
    write = _written(name, {})
    write.update_mask.SetInParent()
    write.current_document.exists = True
    transform = write.update_transforms.add()
    transform.field_path = "completed"
    transform.maximum.integer_value = flush
    return write


def publication_write(documents: str, row: PublicationRow) -> Any:
    """Return the write of a publication's totals."""
    name = publication_name(documents, row.key)
    texts = {"name": row.name, "key": order_key(row.key)}
    return _added(name, texts, row.mentions, row.articles)


def entity_write(documents: str, row: EntityRow) -> Any:
    """Return the write of an entity's totals."""
    publication = publication_name(documents, row.publication_key)
    name = f"{publication}/{ENTITIES}/{entity_id(row.text, row.label)}"
    texts = {"text": row.text, "label": row.label, "key": order_key(row.text)}
    if row.name:
        texts["name"] = row.name
    return _added(name, texts, row.mentions, row.articles)


def add_days(write: Any, added: Iterable[tuple[str, int]], deleted: Iterable[str] = ()) -> None:
    """Let the write of a row change what its document holds by day and month, too."""
    _increment(write, added)
    # In the mask and without a value: that deletes them, and what is not there stays so.
    write.update_mask.field_paths.extend(deleted)


def _added(name: str, texts: dict[str, str], mentions: int, articles: int) -> Any:
    write = _written(name, texts)
    # With the mask it is a merge: what is not named, the counts, stays as it is.
    write.update_mask.field_paths.extend(texts)
    _increment(write, (("mentions", mentions), ("articles", articles)))
    return write


def _increment(write: Any, added: Iterable[tuple[str, int]]) -> None:
    add = write.update_transforms.add
    for path, number in added:
        transform = add()
        transform.field_path = path
        transform.increment.integer_value = number


def _written(name: str, values: Mapping[str, str | int]) -> Any:
    write = Write()
    write.update.name = name
    for field, value in values.items():
        if isinstance(value, str):
            write.update.fields[field].string_value = value
        else:
            write.update.fields[field].integer_value = value
    return write
