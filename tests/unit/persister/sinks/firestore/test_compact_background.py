"""Closes and folds of the compact layout are in nobody's way, and what they write is bounded."""

import asyncio
import random
from typing import Any, cast

import pytest
from google.api_core.exceptions import ServiceUnavailable
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.head import (
    VERSION,
    Piece,
    Table,
    read_head,
)
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.values.parts import EntityRow
from support.compact_database import TINY, Database, added_up, entities, part, same
from support.virtual_time import run
from unit.persister.building import metrics


class Held(Database):
    """A database whose commits of closes and folds wait until they are let go."""

    def __init__(self, held: str) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.waiting = asyncio.Event()
        commit = self.memory.commit

        async def slow(writes: Any, seconds: float) -> Any:
            if any(held in (write.update.name or write.delete) for write in writes):
                self.waiting.set()
                await self.go.wait()
            return await commit(writes, seconds)

        self.memory.commit = slow  # type: ignore[method-assign]

        async def connect() -> FirestoreClient:
            return cast("FirestoreClient", self.memory)

        self.sink = FirestoreSink(
            Connection(connect),
            7,
            metrics(),
            part_writes=1_000,
            layout=lambda send, seconds: CompactLayout(send, seconds, TINY),
        )


async def test_a_fold_is_in_no_parts_way() -> None:
    """It hangs; parts are applied meanwhile, and logs closed. Let go, it goes on."""
    database = Held("~~")  # the last leaf of a table
    draw = random.Random(1)
    parts = [part(number, entities(draw, 3)) for number in range(1, 12)]
    folding_since = 0
    for each in parts:
        await asyncio.wait_for(database.sink.apply(each), 60)
        if not database.waiting.is_set():
            for _ in range(20):
                await asyncio.sleep(0)
        elif not folding_since:
            folding_since = each.flush
        if folding_since and each.flush >= folding_since + 4:
            break
    assert folding_since
    sent = parts[: each.flush]
    head = read_head(database.memory.document(queries.head_name(database.publication)))
    assert head.closed > 1
    assert not database.leaves("all~")
    same(await database.all(), added_up(sent))
    database.go.set()
    await database.sink.apply(parts[each.flush])
    await database.layout.logs.fold(database.client, database.publication)
    same(await database.all(), added_up([*sent, parts[each.flush]]))
    await database.sink.close()


async def test_a_sink_that_closes_lets_go_of_a_fold() -> None:
    """Nothing is left running; the next process goes on."""
    database = Held("~~")
    draw = random.Random(1)
    parts = [part(number, entities(draw, 6)) for number in range(1, 8)]
    for each in parts:
        await database.sink.apply(each)
        if database.waiting.is_set():
            break
        await asyncio.sleep(0)
    await asyncio.wait_for(database.waiting.wait(), 60)
    await asyncio.wait_for(database.sink.close(), 60)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    database.go.set()
    await database.layout.logs.fold(database.client, database.publication)
    same(await database.all(), added_up(parts[: each.flush]))


async def test_parts_wait_for_folds_that_fail() -> None:
    """Segments do not grow without end: what is wrong with folds becomes trouble of the parts."""
    database = Database()

    async def send(client: Any, writes: list[Any]) -> None:
        if any("all~" in write.update.name for write in writes):
            raise ServiceUnavailable("no folds today")  # type: ignore[no-untyped-call]
        await client.commit(writes, 1.0)

    database.layout = CompactLayout(send, 1.0, TINY)
    draw = random.Random(1)

    async def live() -> None:
        for number in range(1, 100):
            await database.apply(part(number, entities(draw, 6)))

    with pytest.raises(ServiceUnavailable):
        await live()
    head = read_head(database.memory.document(queries.head_name(database.publication)))
    waiting = head.tables["all~"].waiting_bytes + head.tables["days~"].waiting_bytes
    assert TINY.log_bytes < waiting < 10 * TINY.log_bytes


def test_what_folds_write_is_bounded_whatever_the_size() -> None:
    """The more entities there are, the rarer are folds: with closes they write six times as much.

    Folds of each log by itself would write 22 times what parts bring, and with the leaves more.
    """
    limits = FoldLimits(2_000, 2_000, 30, 40_000, 400_000, 40_000)

    async def live() -> tuple[float, int]:
        database = Database(limits)
        draw = random.Random(1)
        brought = folded = 0
        for number in range(1, 200):
            texts = sorted({f"entity {draw.randrange(2_000):05}" for _ in range(16)})
            some = [EntityRow("p", text, "ORG", 2, 1, text) for text in texts]
            await database.apply(part(number, some))
            closed = database.memory.bytes_written
            await database.layout.logs.tend(database.client)
            if number > 100:
                brought += sum(map(rows.row_bytes, some))
                folded += database.memory.bytes_written - closed
        return folded / brought, len(database.leaves("all~"))

    times, leaves = run(live())
    assert leaves > 100
    assert times < 8


def test_each_fold_is_paid_by_what_waits() -> None:
    """A fold begins when what waits is a quarter of what the last one wrote; late is twice that."""
    assert not Table(touched=1_000_000).due
    few = Table(pieces=(piece(249_999),), touched=1_000_000)
    many = Table(pieces=(piece(250_000),), touched=1_000_000)
    assert (few.due, many.due, many.late(1)) == (False, True, False)
    assert Table(pieces=(piece(500_000),), touched=1_000_000).late(1)
    assert not Table(pieces=(piece(500_000),), touched=1_000_000).late(200_000)


def piece(size_bytes: int) -> Piece:
    return Piece("segment~1", "all~61", "all~62", size_bytes)


@pytest.mark.parametrize("version", [1, VERSION + 1])
async def test_an_unknown_version_is_refused(version: int) -> None:
    """At the start, and by whoever reads; nothing is written."""
    database = Database()
    await database.apply(part(1, entities(random.Random(1), 3)))
    await database.layout.logs.fold(database.client, database.publication)
    root = database.layout.root(database.client)
    for name in (root, queries.head_name(database.publication)):
        document = database.memory.document(name)
        document.fields["version"].integer_value = version
        document.ClearField("name")
        document.ClearField("update_time")
        database.memory.stored[name] = document.SerializeToString()
    before = database.memory.writes
    database.start()
    with pytest.raises(PermanentSinkError, match=f"version {version}") as caught:
        await database.layout.check(database.client, 1.0)
    assert caught.value.remedy
    with pytest.raises(PermanentSinkError, match=f"version {version}"):
        await database.all()
    with pytest.raises(PermanentSinkError, match=f"version {version}"):
        await database.layout.logs.fold(database.client, database.publication)
    assert database.memory.writes == before
