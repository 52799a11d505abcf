"""Documents and commits of the compact layout are within bounds, whatever the texts are."""

import random
from datetime import date
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.folding import LIMITS, FoldLimits, cut
from newstally_persister.sinks.firestore.compact.keys import (
    beginning_range,
    day_key,
    days_range,
    table_end,
    total_key,
)
from newstally_persister.sinks.firestore.compact.layout import CompactLayout, weigh
from newstally_persister.sinks.firestore.compact.logs import Logs
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from support.compact_database import (
    KEPT,
    TEXTS,
    TINY,
    Database,
    added_up,
    entities,
    part,
    same,
)
from support.virtual_time import run


def test_every_text_and_every_day_fits() -> None:
    """The longest texts, names and lists of days, again and again: no document is too large."""

    async def live() -> None:
        database = Database(LIMITS)
        limits = database.layout.part_limits(1_000)
        days = tuple((n, 1, 1) for n in range(2_500))
        parts = []
        for number in range(1, 3):
            held: list[EntityRow] = []
            size = weigh(PublicationRow("p", "P", 1, 1))
            for row in (
                EntityRow(
                    "p",
                    f"{number * n}é".ljust(1_000, "x"),
                    "L" * 64,
                    5_000,
                    2_500,
                    "é" * 512,
                    days,
                )
                for n in range(1_000)
            ):
                size += weigh(row)
                if held and size > limits.size_bytes:
                    break
                held.append(row)
            parts.append(part(number, held))
            await database.apply(parts[-1])
        await database.layout.logs.fold(database.client, database.publication)
        assert (await database.all()).totals == added_up(parts).totals
        assert database.memory.largest_bytes < 1_000_000
        assert database.memory.largest_commit < LIMITS.commit_bytes

    run(live())


def test_a_refused_fold_goes_on_in_smaller_commits() -> None:
    """Where Firestore takes less in a commit than it says, folds are cut; a leaf must fit."""

    async def live(most: int) -> None:
        database = Database(FoldLimits(leaf_rows=4))
        parts = [part(number, entities(random.Random(number), 30)) for number in (1, 2)]
        for each in parts:
            await database.apply(each)

        async def send(client: Any, writes: list[Any]) -> None:
            if sum(write.ByteSize() for write in writes) > most:
                raise InvalidArgument("Transaction too big")  # type: ignore[no-untyped-call]
            await client.commit(writes, 1.0)

        logs = Logs(send, 1.0, FoldLimits(leaf_rows=4))
        await database.layout.logs.fold(database.client, database.publication)
        await database.apply(part(3, entities(random.Random(3), 30)))
        await logs.fold(database.client, database.publication)
        parts.append(part(3, entities(random.Random(3), 30)))
        same(await database.all(), added_up(parts))

    run(live(most=7_000))
    with pytest.raises(PermanentSinkError, match="Firestore refuses to"):
        run(live(most=1_000))


def test_a_log_that_somebody_else_filled_is_folded() -> None:
    """A part that was refused finds an empty log when it is sent again."""

    async def live() -> None:
        database = Database(LIMITS)
        first, second = (part(n, entities(random.Random(n), 3)) for n in (1, 2))
        await database.apply(first)
        assert database.layout.make_room(database.client, second)
        async with database.layout.writing(database.client, second, KEPT) as writes:
            log = database.memory.document(queries.log_name(database.publication))
            assert not log.fields["log"].array_value.values
            await database.client.commit(writes, 1.0)
        same(await database.all(), added_up([first, second]))

    run(live())


def test_a_part_of_many_publications() -> None:
    """Each has a document of its own; a part's logs are within a commit, however full they are."""

    async def live() -> None:
        database = Database()
        limits = database.layout.part_limits(1_000)
        publication = PublicationRow("p", "P", 1, 1)
        assert (
            CompactLayout(database.send, 1.0).part_limits(1_000).size_bytes // weigh(publication)
            < 80
        )
        assert limits.rows == 4_000
        names = [f"p{n}" for n in range(12)]
        for number in range(1, 9):
            some = [EntityRow(name, f"e{number}", "ORG", 1, 1) for name in names]
            publications = [PublicationRow(name, name, 1, 1) for name in names]
            given = Part("j", number, 1, "d", publications, some)
            async with database.layout.writing(database.client, given, KEPT) as writes:
                logs = [database.memory.document(write.update.name) for write in writes]
                full = sum(rows.size_of(log) for log in logs if log is not None)
                assert full < TINY.logs_bytes
                await database.client.commit(writes, 1.0)

    run(live())


@given(TEXTS, TEXTS, st.dates(), st.dates())
def test_keys_sort_as_they_are_looked_for(
    text: str, beginning: str, day: date, other: date
) -> None:
    """A text is within the range of each of its beginnings, and a day within its days."""
    for length in range(1, len(text) + 1):
        first, last = beginning_range(text[:length])
        assert first <= total_key(text, "ORG") <= last
    first_day, last_day = sorted((day, other))
    first, last = days_range(first_day.isoformat(), last_day.isoformat())
    for name in (first_day.isoformat(), last_day.isoformat(), last_day.isoformat()[:7]):
        for place in ((text, "ORG"), ("", "")):
            assert first <= day_key(name, *place) <= last
    assert total_key(text, "ORG") < table_end(total_key(text, "ORG"))
    assert total_key(text, "ORG") != total_key(beginning, "ORG") or text == beginning
    assert len(total_key("x" * 1_024, "L" * 64).encode()) < 100


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60))
@settings(max_examples=50)
def test_a_leaf_is_cut_only_where_it_must(sizes: list[int]) -> None:
    """Pieces are not empty, keep the order, and only a single row is larger than half of a leaf."""
    by_key = {f"{n:03}": size for n, size in enumerate(sizes)}
    pieces = list(cut(by_key, TINY))
    assert [key for piece in pieces for key in piece] == list(by_key)
    if sum(sizes) <= TINY.leaf_bytes and len(sizes) <= TINY.leaf_rows:
        assert len(pieces) == 1
    for piece in pieces:
        assert piece
        size = sum(by_key[key] for key in piece)
        assert len(piece) == 1 or len(pieces) == 1 or size <= TINY.leaf_bytes // 2
