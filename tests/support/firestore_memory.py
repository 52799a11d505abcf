"""As much of Firestore as the compact layout needs, in memory, by the rules that it publishes.

It is the emulator's double, only a thousand times faster: what is tried with it by the thousand is
tried with the emulator as well.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from google.cloud.firestore_v1.types import StructuredQuery
from google.cloud.firestore_v1.types import document as document_types
from google.cloud.firestore_v1.types import write as write_types
from newstally_persister.sinks.firestore.client import fields as fields_of
from support.firestore_memory_queries import Entry, Shape

Document = document_types.Document.pb()
WriteResult = write_types.WriteResult.pb()
DOCUMENT_LIMIT_BYTES = 1024 * 1024
TRANSFORMS_LIMIT = 500


class MemoryFirestore:
    """One database: a FirestoreClient whose documents are in memory."""

    def __init__(self, *, measuring: bool = True, now: int = 1_700_000_000) -> None:
        """`measuring`: refuse documents that Firestore would; that takes time.

        `now`: when it begins, in seconds since 1970; each commit takes one.
        """
        self._measuring = measuring
        self.database = "projects/p/databases/(default)"
        self.documents = f"{self.database}/documents"
        self.stored: dict[str, bytes] = {}
        """Documents' fields, serialised, by name."""
        self._times: dict[str, int] = {}
        self._now = now
        self._sorted: dict[tuple[str, bytes, str], tuple[int, Sequence[Entry]]] = {}
        self.writes = 0
        self.reads = 0
        self.bytes_written = 0
        self.bytes_read = 0
        self.largest_commit = 0
        """In bytes, as it is sent."""
        self.largest_bytes = 0
        """Of the documents that there were, by Firestore's rules."""

    def document(self, name: str) -> Any:
        """Return a document, or None, without reading it as a client does."""
        if name not in self.stored:
            return None
        found = Document.FromString(self.stored[name])
        found.name = name
        found.update_time.seconds = self._times.get(name, 1)
        return found

    async def read(self, name: str, seconds: float) -> Any:
        """See FirestoreClient.read."""
        return (await self.read_at(name, seconds))[0]

    async def read_at(self, name: str, seconds: float) -> tuple[Any, datetime]:
        """See FirestoreClient.read_at."""
        del seconds
        self._note(self.stored.get(name, b""))
        return self.document(name), datetime.fromtimestamp(self._now, UTC)

    async def read_many(
        self, names: Sequence[str], seconds: float, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """See FirestoreClient.read_many."""
        if not fields:
            whole = {name: await self.read(name, seconds) for name in names}
            return {name: document for name, document in whole.items() if document is not None}
        found = {}
        for name in names:
            document = self.document(name)
            for field in [] if document is None else list(document.fields):
                if field not in fields:
                    del document.fields[field]
            self._note(b"" if document is None else document.SerializeToString())
            if document is not None:
                found[name] = document
        return found

    async def pages(
        self, parent: str, collection: str, size: int, seconds: float
    ) -> AsyncGenerator[list[Any], None]:
        """See FirestoreClient.pages."""
        del seconds
        above = f"{parent}/{collection}"
        names = sorted(name for name in self.stored if name.rpartition("/")[0] == above)
        for begin in range(0, len(names), size):
            some = names[begin : begin + size]
            for name in some:
                self._note(self.stored[name])
            yield [self.document(name) for name in some]

    async def names(self, parent: str, collection: str, limit: int, seconds: float) -> list[str]:
        """See FirestoreClient.names."""
        return (await self.names_behind("", parent, collection, limit, seconds))[0]

    async def names_behind(
        self, place: str, parent: str, collection: str, limit: int, seconds: float
    ) -> tuple[list[str], str]:
        """See FirestoreClient.names_behind."""
        del seconds
        begin = f"{parent}/{collection}/"
        below = (name.removeprefix(begin) for name in self.stored if name.startswith(begin))
        names = sorted({begin + name.partition("/")[0] for name in below})
        some = [name for name in names if name > place]
        self.reads += len(some[:limit])
        return some[:limit], some[limit - 1] if len(some) > limit else ""

    async def all_names(
        self, parent: str, collection: str, size: int, seconds: float
    ) -> AsyncGenerator[list[str], None]:
        """See FirestoreClient.all_names."""
        place = ""
        while True:
            names, place = await self.names_behind(place, parent, collection, size, seconds)
            yield names
            if not place:
                return

    async def query(
        self, parent: str, query: Any, seconds: float
    ) -> AsyncGenerator[dict[str, Any], None]:
        """See FirestoreClient.query."""
        async for document in self.found(parent, query, seconds):
            yield fields_of(document)

    async def found(self, parent: str, query: Any, seconds: float) -> AsyncGenerator[Any, None]:
        """See FirestoreClient.found. Each document is billed, and one where there is none."""
        del seconds
        asked = StructuredQuery.pb(query)
        shape = Shape(asked)
        found = shape.behind(self._entries(parent, asked, shape), asked.start_at)
        if not found:
            self._note(b"")
        for _, name in found[: asked.limit.value or len(found)]:
            self._note(b"" if asked.select.fields else self.stored[name])
            yield self.document(name)

    def _entries(self, parent: str, asked: Any, shape: Shape) -> Sequence[Entry]:
        """Return what a query finds from its beginning on; kept until the next commit."""
        above = f"{parent}/{asked.from_[0].collection_id}"
        below = (name for name in self.stored if name.rpartition("/")[0] == above)
        if shape.is_of_names:
            return [((name,), name) for name in sorted(shape.names(below))]
        kept = above, asked.where.SerializeToString(), str(asked.order_by)
        if self._sorted.get(kept, (-1,))[0] != self.writes:
            documents = (self.document(name) for name in shape.names(below))
            self._sorted[kept] = self.writes, shape.entries(documents)
        return self._sorted[kept][1]

    async def commit(self, writes: Sequence[Any], seconds: float) -> Sequence[Any]:
        """See FirestoreClient.commit."""
        del seconds
        for write in writes:
            self._check(write.delete or write.update.name, write.current_document)
        changed: dict[str, Any] = {}
        deleted = {write.delete for write in writes if write.delete}
        results = []
        self._now += 1
        for write in writes:
            results.append(WriteResult())
            results[-1].update_time.seconds = self._now
            if write.delete:
                continue
            name = write.update.name
            assert name not in changed | dict.fromkeys(deleted), "one write of each document"
            changed[name] = self._changed(write, results[-1])
        for name, found in changed.items() if self._measuring else ():
            size = sum(map(_size, found.fields.values()))
            if size > DOCUMENT_LIMIT_BYTES:
                raise InvalidArgument(f"{name} has {size} bytes")  # type: ignore[no-untyped-call]
            self.largest_bytes = max(self.largest_bytes, size)
        for name, found in changed.items():
            self.stored[name] = found.SerializeToString(deterministic=True)
            self._times[name] = self._now
        for name in deleted:
            self.stored.pop(name, None)
            self._times.pop(name, None)
        self.writes += len(writes)
        size = sum(write.ByteSize() for write in writes)
        self.bytes_written += size
        self.largest_commit = max(self.largest_commit, size)
        return results

    async def close(self) -> None:
        """See FirestoreClient.close."""

    def _note(self, found: bytes) -> None:
        self.reads += 1
        self.bytes_read += len(found)

    def _check(self, name: str, wanted: Any) -> None:
        match wanted.WhichOneof("condition_type"):
            case "exists" if not wanted.exists and name in self.stored:
                raise AlreadyExists(name)  # type: ignore[no-untyped-call]
            case "exists" if wanted.exists and name not in self.stored:
                raise NotFound(name)  # type: ignore[no-untyped-call]
            case "update_time" if name not in self.stored:
                raise NotFound(name)  # type: ignore[no-untyped-call]
            case "update_time" if wanted.update_time.seconds != self._times.get(name, 1):
                raise FailedPrecondition(name)  # type: ignore[no-untyped-call]

    def _changed(self, write: Any, result: Any) -> Any:
        found = self.document(write.update.name)
        if found is None or not write.HasField("update_mask"):
            found = Document()
        for field, value in write.update.fields.items():
            found.fields[field].CopyFrom(value)
        for path in write.update_mask.field_paths:
            if path not in write.update.fields:
                _delete(found.fields, _names(path))
        if len(write.update_transforms) > TRANSFORMS_LIMIT:
            raise InvalidArgument(f"{len(write.update_transforms)} transforms")  # type: ignore[no-untyped-call]
        for transform in write.update_transforms:
            told = result.transform_results.add()
            _transform(found, transform, told)
        return found


def _transform(found: Any, transform: Any, told: Any) -> None:
    """Change a field of a document as a transform says; tell what it is then."""
    *above, last = _names(transform.field_path)
    held = found.fields
    for each in above:
        held = held[each].map_value.fields
    field = held[last]
    match transform.WhichOneof("transform_type"):
        case "increment":
            field.integer_value += transform.increment.integer_value
            told.integer_value = field.integer_value
        case "maximum":
            field.integer_value = max(field.integer_value, transform.maximum.integer_value)
        case "append_missing_elements":
            values = field.array_value.values
            for each in transform.append_missing_elements.values:
                if each not in values:
                    values.append(each)


def _names(path: str) -> list[str]:
    """Return the names in a path of a field: days.`2026-11`.mentions."""
    return [quoted or plain for quoted, plain in re.findall(r"`([^`]*)`|([^.`]+)", path)]


def _delete(fields: Any, names: list[str]) -> None:
    if len(names) == 1:
        fields.pop(names[0], None)
    elif names[0] in fields:
        _delete(fields[names[0]].map_value.fields, names[1:])


def _size(value: Any) -> int:
    match value.WhichOneof("value_type"):
        case "string_value":
            return len(value.string_value.encode()) + 1
        case "array_value":
            return sum(map(_size, value.array_value.values))
        case "map_value":
            fields = value.map_value.fields.items()
            return 32 + sum(len(name) + 1 + _size(each) for name, each in fields)
        case _:
            return 8
