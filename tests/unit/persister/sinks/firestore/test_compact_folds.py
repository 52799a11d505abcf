"""Parts and folds of the compact layout, on a database in memory: every row is counted once."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from google.api_core.exceptions import (
    FailedPrecondition,
    GoogleAPICallError,
    ServiceUnavailable,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.compact.keys import (
    ALL,
    LAST,
)
from newstally_persister.sinks.firestore.compact.layout import CompactLayout, part_writes
from newstally_persister.sinks.firestore.compact.logs import Logs
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.values.parts import EntityRow
from support.compact_database import (
    KEPT,
    ROWS,
    TINY,
    Database,
    added_up,
    entities,
    part,
    same,
)
from support.firestore_memory import Document
from support.virtual_time import run


@settings(max_examples=30)
@given(st.lists(ROWS, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_every_row_is_somewhere_once(given: list[list[EntityRow]], draw: random.Random) -> None:
    """Whatever is appended, folded and forgotten by a death: the sums are right, in all and by day.

    And the leaves of a table cover every key without a gap, each within its bounds.
    """

    async def live() -> None:
        database = Database()
        parts = [part(number, some) for number, some in enumerate(given, 1)]
        for each in parts:
            if draw.random() < 0.3:
                database.start()
            await database.apply(each)
            if draw.random() < 0.2:
                await database.layout.logs.fold(database.client, database.publication)
        same(await database.all(), added_up(parts))
        await database.layout.logs.fold(database.client, database.publication)
        same(await database.all(), added_up(parts))
        for table in (ALL, "days~"):
            leaves = database.leaves(table)
            assert not leaves or leaves[-1][0] == f"{table}{LAST}"
            before = ""
            for end, keys in leaves:
                assert keys
                assert before < keys[0] <= keys[-1] <= end
                assert len(keys) <= TINY.leaf_rows
                before = end

    run(live())


@settings(max_examples=30)
@given(st.lists(ROWS, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_folds_that_meet_appends_and_other_folds(
    given: list[list[EntityRow]], draw: random.Random
) -> None:
    """Two processes, and parts that arrive between a fold's reading and its commit."""

    async def live() -> None:
        database = Database()
        other = CompactLayout(database.send, 1.0, TINY)
        parts = [part(number, some) for number, some in enumerate(given, 1)]
        late = [part(100 + number, some) for number, some in enumerate(given)]
        sent = []

        async def disturb() -> None:
            if late and draw.random() < 0.4:
                sent.append(late.pop())
                # On its way since long: nobody made room for it.
                root = database.layout.root(database.client)
                await database.client.commit(part_writes(root, sent[-1]), 1.0)
            elif draw.random() < 0.3:
                database.before_commit = None
                await other.logs.fold(database.client, database.publication)
                database.before_commit = disturb

        database.before_commit = disturb
        for each in parts:
            for _ in range(20):
                try:
                    await database.apply(each)
                except SinkError:  # disturbed too often
                    continue
                break
            else:
                pytest.fail("never applied")
        database.before_commit = None
        same(await database.all(), added_up([*parts, *sent]))

    run(live())


@pytest.mark.parametrize("applied", [False, True])
def test_a_death_at_each_commit_of_a_fold(applied: bool) -> None:
    """Whether the lost commit arrived or not, the next process goes on from what it sees."""

    async def live(dies_at: int) -> bool:
        database = Database()
        draw = random.Random(3)
        parts = [part(number, entities(draw, 5)) for number in range(1, 6)]
        commits = 0
        died = False

        async def send(client: Any, writes: list[Any]) -> None:
            nonlocal commits, died
            commits += 1
            if commits == dies_at:
                died = True
                if applied:
                    await client.commit(writes, 1.0)
                raise ServiceUnavailable("the reply is lost")  # type: ignore[no-untyped-call]
            await client.commit(writes, 1.0)

        database.layout = CompactLayout(send, 1.0, TINY)
        for each in parts:
            for what in (partial(database.apply, each), database.tend):
                try:
                    await what()
                except ServiceUnavailable:
                    database.start()
                    await what()
        same(await database.all(), added_up(parts))
        return died

    dies_at = 0
    while run(live(dies_at + 1)):
        dies_at += 1
    assert dies_at > 5


def test_a_fold_between_two_reads_is_noticed() -> None:
    """The log was read, then folded, and a leaf cut in two: nothing is missed or doubled."""

    async def live() -> None:
        database = Database()
        draw = random.Random(1)
        parts = [part(1, entities(draw, 4)), part(2, entities(draw, 12))]
        await database.apply(parts[0])
        await database.layout.logs.fold(database.client, database.publication)
        root = database.layout.root(database.client)
        await database.client.commit(part_writes(root, parts[1]), 1.0)
        original = database.memory.read
        begun = asyncio.Event()

        async def read(name: str, seconds: float) -> Any:
            found = await original(name, seconds)
            if not begun.is_set():
                begun.set()
                await database.layout.logs.fold(database.client, database.publication)
            return found

        database.memory.read = read  # type: ignore[method-assign]
        same(await database.all(), added_up(parts))
        assert begun.is_set()

    run(live())


async def test_what_is_read_again_counts_once() -> None:
    """An answer that a fold came between is as large as it would be otherwise."""
    database = Database()
    for number in (1, 2):
        some = [EntityRow("p", f"e{n}", "ORG", 1, 1) for n in range(20)]
        await database.apply(part(number, some))
    original = database.memory.read_many
    left = 1

    async def read_many(names: list[str], seconds: float, fields: Sequence[str] = ()) -> Any:
        nonlocal left
        found = await original(names, seconds, fields)
        if left:
            left -= 1
            await database.layout.logs.fold(database.client, database.publication)
        return found

    database.memory.read_many = read_many  # type: ignore[method-assign, assignment]
    disturbed = Reader(database.client, 1.0)
    everything = (database.publication, ALL, f"{ALL}{LAST}")
    assert len((await disturbed.between(*everything)).totals) == 20
    assert not left
    quiet = Reader(database.client, 1.0)
    assert len((await quiet.between(*everything)).totals) == 20
    assert disturbed._bytes == quiet._bytes


@pytest.mark.parametrize("what", ["close", "fold"])
def test_a_conflict_is_no_refusal(what: str) -> None:
    """What is always disturbed gives up for now, and says so."""

    async def live() -> None:
        database = Database()
        await database.apply(part(1, entities(random.Random(1), 3)))
        commits = 0

        async def send(client: Any, writes: list[Any]) -> None:
            nonlocal commits
            commits += 1
            if (what, commits) == ("fold", 1):
                await client.commit(writes, 1.0)
                return
            raise FailedPrecondition("moved")  # type: ignore[no-untyped-call]

        logs = Logs(send, 1.0, TINY)
        with pytest.raises(SinkError, match=f"others {what}"):
            await logs.fold(database.client, database.publication)

    run(live())


async def test_a_late_beginning_changes_no_layout() -> None:
    """What began a database comes again after it was led to the other layout: it is refused."""
    database = Database()
    first = part(1, entities(random.Random(1), 2))
    async with database.layout.writing(database.client, first, KEPT) as late:
        pass
    root = database.layout.root(database.client)
    document = Document()
    document.fields["layout"].string_value = "documents"
    database.memory.stored[root] = document.SerializeToString()
    with pytest.raises(GoogleAPICallError):
        await database.client.commit(late, 1.0)
    assert database.memory.document(root).fields["layout"].string_value == "documents"


async def test_a_beginning_without_an_answer() -> None:
    """It was applied, and nobody knows: the next part goes on."""
    database = Database()
    parts = [part(number, entities(random.Random(number), 2)) for number in (1, 2)]
    await database.apply(parts[0])
    database.start()
    await database.apply(parts[1])
    same(await database.all(), added_up(parts))
