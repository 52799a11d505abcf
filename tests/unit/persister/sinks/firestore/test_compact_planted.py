"""Faults planted into folds and appends are caught by a life in which everything meets."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.compact import folding, logs, reading, rows
from newstally_persister.sinks.firestore.compact.layout import CompactLayout, part_writes
from newstally_persister.sinks.firestore.compact.rows import Tallied
from support.compact_database import TINY, Database, added_up, entities, part, same

LIVES = 60
"""A planted fault must show within so many."""
Plant = Callable[[pytest.MonkeyPatch], None]


async def live(seed: int) -> None:
    """Parts, late parts, deaths, two processes, lost replies; everything is counted once."""
    draw = random.Random(seed)
    database = Database()
    lost = 0

    async def send(client: Any, writes: list[Any]) -> None:
        nonlocal lost
        if draw.random() < 0.3 and late:
            sent.append(late.pop())
            root = database.layout.root(database.client)
            await client.commit(part_writes(root, sent[-1]), 1.0)
        fate = draw.random()
        if fate < 0.9:
            await client.commit(writes, 1.0)
        if fate > 0.8:
            lost += 1
            raise ServiceUnavailable("the reply is lost")  # type: ignore[no-untyped-call]

    database.layout = CompactLayout(send, 1.0, TINY)
    late = [part(100 + n, entities(draw, 2)) for n in range(3)]
    sent = []
    for number in range(1, 9):
        given = part(number, entities(draw, draw.randrange(1, 8)))
        for _ in range(50):
            try:
                await database.apply(given)
            except (ServiceUnavailable, SinkError):
                database.layout = CompactLayout(send, 1.0, TINY)
            else:
                break
        sent.append(given)
        same(await database.all(), added_up(sent))


def lives_well(seed: int) -> bool:
    """Whether all is right in the end."""
    try:
        asyncio.run(asyncio.wait_for(live(seed), 20))
    except (AssertionError, GoogleAPICallError, SinkError, KeyError, TypeError, TimeoutError):
        return False
    return True


@pytest.mark.parametrize("seed", range(30))
def test_nothing_planted(seed: int) -> None:
    """Each of these lives ends well."""
    asyncio.run(live(seed))


def log_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    """A fold does not demand that the log is as it was read: what came meanwhile is lost."""

    def planted(*args: Any) -> Any:
        write = folding.log_write(*args)
        write.ClearField("current_document")
        return write

    patch.setattr(logs, "log_write", planted)


def log_is_kept(patch: pytest.MonkeyPatch) -> None:
    """What was folded stays in the log."""

    def planted(log: Tallied, *_: Any) -> Tallied:
        return log

    patch.setattr(logs, "without", planted)


def rest_is_lost(patch: pytest.MonkeyPatch) -> None:
    """What did not fit into the commit of a fold is forgotten."""

    def planted(*_: Any) -> Tallied:
        return Tallied()

    patch.setattr(logs, "without", planted)


def leaf_is_written_over(patch: pytest.MonkeyPatch) -> None:
    """What a leaf had before is not added."""

    def planted(parent: str, leaf: folding.Leaf, *args: Any) -> folding.Folded:
        made = folding.fold_leaf(parent, leaf, *args)
        if leaf.found is None:
            return made
        empty = type(leaf.found)(name=leaf.found.name, update_time=leaf.found.update_time)
        return folding.fold_leaf(parent, leaf._replace(found=empty), *args)

    patch.setattr(logs, "fold_leaf", planted)


def parts_look_alike(patch: pytest.MonkeyPatch) -> None:
    """Elements have no part: of two that are equal one is dropped."""
    element = rows.element

    def planted(_: str, held: Tallied) -> Any:
        alike = Tallied(dict.fromkeys(held.totals, (2, 1, 1, 1)), held.names, held.days)
        return element("", alike if held.totals else held)

    patch.setattr(rows, "element", planted)


def log_is_not_read(patch: pytest.MonkeyPatch) -> None:
    """An answer is made from the leaves alone."""
    tally = reading._tally
    patch.setattr(reading, "_tally", lambda _, leaves: tally(None, leaves))


@pytest.mark.parametrize(
    "plant",
    [
        log_is_not_compared,
        log_is_kept,
        rest_is_lost,
        leaf_is_written_over,
        parts_look_alike,
        log_is_not_read,
    ],
)
def test_a_life_tells(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some life with this fault ends wrong."""
    plant(monkeypatch)
    assert not all(lives_well(seed) for seed in range(LIVES)), plant.__doc__
