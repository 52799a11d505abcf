"""The files in firestore/ hold what the queries need, and no more."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import StructuredQuery
from google.cloud.firestore_v1.types import firestore as firestore_types
from newstally_persister.sinks.base import PageLimits, SinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.connection import Connection, connect
from newstally_persister.sinks.firestore.days import window
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from support.compact_database import Database, entities
from support.compact_database import part as part_of_one
from support.listing_lives import live
from support.processes import REPOSITORY
from support.virtual_time import run
from unit.persister.building import metrics

DAYS = ((0, 1, 1), (20_778, 1, 1))
"""One that is outside, and one of November 2026."""
FOLDER = REPOSITORY / "firestore"
Index = tuple[str, tuple[tuple[str, str], ...]]
"""(collection, fields with their directions)."""


async def nothing(_request: bytes, _context: object) -> AsyncIterator[bytes]:
    """Answer a call with an empty stream: no document is there."""
    for answer in list[bytes]():
        yield answer


class Listening(grpc.GenericRpcHandler):
    """Stands in for Firestore: notes the queries and answers with nothing."""

    def __init__(self) -> None:
        self.queries: list[Any] = []

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if not details.method.endswith("/RunQuery"):
            return grpc.unary_stream_rpc_method_handler(nothing)

        async def answer(request: bytes, _: object) -> AsyncIterator[bytes]:
            found = firestore_types.RunQueryRequest.pb().FromString(request)
            self.queries.append(found.structured_query)
            yield firestore_types.RunQueryResponse.pb()().SerializeToString()

        return grpc.unary_stream_rpc_method_handler(answer)


@asynccontextmanager
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Listening]:
    handler = Listening()
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}")
    yield handler
    await server.stop(0)


async def queries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return every kind of query that the sink makes."""
    page = PageLimits(10, 1_000)
    async with listening(monkeypatch) as firestore:
        connection = Connection(lambda: connect("p", "(default)"))
        sink = FirestoreSink(connection, 7, metrics(), part_writes=100)
        for after in (None, (5, "key")):
            await sink.list_publications(page, after)
        for label in ("", "PERSON"):
            for position in (None, (5, "text", "PERSON")):
                with pytest.raises(SinkError):  # there is no such publication
                    await sink.list_entity_tallies("key", label, page, position)
        await sink.close()
        return firestore.queries


def needed(query: Any) -> Iterator[Index]:
    """Give the composite index a query needs: equalities first, then its orders."""
    equal = [name for name, operator in filters(query) if operator == "EQUAL"]
    assert len(equal) == len(list(filters(query))), "only equalities are understood here"
    orders = [
        (order.field.field_path, StructuredQuery.Direction(order.direction).name)
        for order in query.order_by
    ]
    assert orders, "every list has an order"
    if len(equal) + len(orders) > 1:
        fields = (*((name, "ASCENDING") for name in equal), *orders)
        yield query.from_[0].collection_id, fields


def filters(query: Any) -> Iterator[tuple[str, str]]:
    where = query.where
    if where.HasField("field_filter"):
        found = where.field_filter
        yield found.field.field_path, StructuredQuery.FieldFilter.Operator(found.op).name
    assert not where.HasField("composite_filter")
    assert not where.HasField("unary_filter")


async def test_the_indexes_are_those_the_queries_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derived from the requests that go out; an index too few fails lists, one too many costs."""
    found = await queries(monkeypatch)
    assert len(found) == 6
    derived = {index for query in found for index in needed(query)}
    declared = [
        (
            index["collectionGroup"],
            tuple((field["fieldPath"], field["order"]) for field in index["fields"]),
        )
        for index in indexes()["indexes"]
    ]
    assert all(index["queryScope"] == "COLLECTION" for index in indexes()["indexes"])
    assert len(declared) == len(set(declared))
    assert set(declared) == derived


def test_no_field_has_an_index_that_no_query_uses() -> None:
    """Every field that is written is exempt: no query needs a single-field index, each would cost.

    And values over 1,500 bytes, or that rise with time, must not be indexed by themselves.
    """
    exempt = {
        (override["collectionGroup"], override["fieldPath"])
        for override in indexes()["fieldOverrides"]
        if override["indexes"] == []
    }
    assert exempt == {
        *written(),
        *written_compactly(),
        *listed(),
        *(("flushes", field) for field in ("digest", "expire_at")),
        *(("journals", field) for field in ("started", "completed", "days_from")),
    }


def written() -> Iterator[tuple[str, str]]:
    part = Part(
        "j",
        1,
        1,
        "digest",
        [PublicationRow("p", "P", 2, 2, DAYS)],
        [EntityRow("p", "text", "LABEL", 2, 2, "Text", DAYS)],
    )
    kept = window(date(2026, 11, 21), 62, None, first_part=True)
    for write in writes.row_writes("projects/p/databases/d/documents", part, kept):
        collection = write.update.name.split("/")[-2]
        # An exemption of a map is one of all that is in it.
        for field in (*write.update.fields, *(t.field_path for t in write.update_transforms)):
            yield collection, field.partition(".")[0]


def written_compactly() -> set[tuple[str, str]]:
    """Return (collection, field) of what parts and folds of a compact database write."""

    async def live() -> set[tuple[str, str]]:
        database = Database()
        draw = random.Random(1)
        for number in range(1, 5):
            await database.apply(part_of_one(number, entities(draw, 3)))
        await database.layout.logs.fold(database.client, database.publication)
        await database.apply(part_of_one(5, entities(draw, 3)))
        return {
            (name.split("/")[-2], field)
            for name in database.memory.stored
            if "/publications/" in name
            for field in database.memory.document(name).fields
        }

    return run(live())


def listed() -> set[tuple[str, str]]:
    """Return (collection, field) of lists."""
    database = run(live(1, 1))
    return {
        ("lists", field)
        for name in database.stored
        if "/lists/" in name
        for field in database.document(name).fields
    }


def test_receipts_expire() -> None:
    """The TTL policy is on the receipts' expire_at, and on nothing else."""
    policies = [
        (override["collectionGroup"], override["fieldPath"])
        for override in indexes()["fieldOverrides"]
        if override.get("ttl")
    ]
    assert policies == [("flushes", "expire_at")]


def test_the_files_belong_together() -> None:
    """firebase.json names files that are there."""
    named = json.loads((FOLDER / "firebase.json").read_text())["firestore"]
    assert (FOLDER / named["indexes"]).is_file()
    assert (FOLDER / named["rules"]).is_file()


def indexes() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "firestore.indexes.json").read_text())
    return found
