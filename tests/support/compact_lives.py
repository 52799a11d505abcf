"""Lives of a compact database in which everything meets, drawn from a seed."""

import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from google.api_core.exceptions import ServiceUnavailable
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore.compact.layout import CompactLayout, part_writes
from newstally_persister.values.parts import Part
from support.compact_database import TINY, Database, added_up, entities, part, same


async def live(seed: int) -> Database:
    """Parts, late parts, deaths, two processes, lost replies; everything is counted once."""
    draw = random.Random(seed)
    database = Database()

    async def send(client: Any, writes: list[Any]) -> None:
        if draw.random() < 0.3 and late:
            sent.append(late.pop())
            root = database.layout.root(database.client)
            await client.commit(part_writes(root, sent[-1]), 1.0)
        if draw.random() < 0.2:
            await another_process(database, draw)
        fate = draw.random()
        if fate < 0.9:
            await client.commit(writes, 1.0)
        if fate > 0.8:
            raise ServiceUnavailable("the reply is lost")  # type: ignore[no-untyped-call]

    def begin() -> None:
        database.layout = CompactLayout(send, 1.0, TINY)

    begin()
    late = [part(100 + n, entities(draw, 2)) for n in range(3)]
    sent = list[Part]()
    for number in range(1, 13):
        if sent and draw.random() < 0.2:
            given = replace(sent[-1], flush=number)
        else:
            given = part(number, entities(draw, draw.randrange(1, 8)))
        await insist(partial(database.apply, given), begin)
        sent.append(given)
        same(await database.all(), added_up(sent))
        if draw.random() < 0.5:
            await insist(database.tend, begin)
            same(await database.all(), added_up(sent))
    assert database.pieces_there() == database.pieces_known()
    return database


async def insist(what: Callable[[], Awaitable[None]], begin: Callable[[], None]) -> None:
    """Do it, by a new process after each failure."""
    for _ in range(50):
        try:
            await what()
        except (ServiceUnavailable, SinkError):
            begin()
        else:
            break


async def another_process(database: Database, draw: random.Random) -> None:
    """Let it close and fold, and die after a few commits."""
    commits = draw.randrange(1, 5)

    async def send(client: Any, writes: list[Any]) -> None:
        nonlocal commits
        if not commits:
            raise ServiceUnavailable("it is dead")  # type: ignore[no-untyped-call]
        commits -= 1
        await client.commit(writes, 1.0)

    with contextlib.suppress(ServiceUnavailable):
        await CompactLayout(send, 1.0, TINY).logs.fold(database.client, database.publication)
