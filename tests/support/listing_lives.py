"""Lives of persisters that keep lists, drawn from a seed."""

import asyncio
import contextlib
import random
from collections.abc import Sequence

from newstally_persister.values.parts import EntityRow, PublicationRow
from support.listing_world import TODAY, ListedDatabase, Persister

LONGEST_SECONDS = 500.0
"""Of a life's own time."""
Rows = tuple[Sequence[PublicationRow], Sequence[EntityRow]]


def some_parts(draw: random.Random, today: int) -> list[Rows]:
    """Return what a flush brings: few publications and entities, so that they meet again."""
    parts: list[Rows] = []
    for key in sorted(draw.sample(["a", "b", "c"], draw.randrange(1, 3))):
        for _ in range(draw.randrange(1, 3)):
            entities = [entity(draw, key, place, today) for place in places(draw)]
            parts.append(([publication(draw, key, today)], entities))
    return parts


def places(draw: random.Random) -> list[tuple[str, str]]:
    every = [(text, label) for text in "abcdefghijklmnopqrst" for label in "XYZ"]
    return sorted(draw.sample(every, draw.randrange(6)))


def entity(draw: random.Random, key: str, place: tuple[str, str], today: int) -> EntityRow:
    days = some_days(draw, today)
    mentions = sum(day[1] for day in days) + draw.randrange(1, 4)
    return EntityRow(key, *place, mentions, 1 + len(days), place[0].upper(), days)


def publication(draw: random.Random, key: str, today: int) -> PublicationRow:
    return PublicationRow(key, key.upper(), draw.randrange(1, 9), 1, some_days(draw, today))


def some_days(draw: random.Random, today: int) -> tuple[tuple[int, int, int], ...]:
    every = [today, today - 1, today - 6, today - 7, today - 40, TODAY + 1, TODAY + 2, 3]
    weights = draw.choices(every, [9, 4, 3, 3, 1, 0.1, 0.3, 0.1], k=draw.randrange(3))
    return tuple((day, draw.randrange(1, 4), 1) for day in sorted(set(weights)))


async def live(seed: int, journals: int) -> ListedDatabase:
    """Flushes, rounds of the keeper at any moment between, deaths, late and lost replies."""
    draw = random.Random(seed)
    database = ListedDatabase(journals)
    likely = draw.choice([0.0, 0.1, 0.3])
    persisters = [Persister(database, f"j{n}", draw, likely) for n in range(journals)]

    async def one(persister: Persister) -> None:
        for number in range(draw.randrange(4, 9)):
            # Days go by: lists of the last days are made anew.
            flushing = asyncio.create_task(persister.flush(some_parts(draw, TODAY - 12 + number)))
            while not flushing.done():
                if draw.random() < 0.5:
                    await persister.round()
                if draw.random() < 0.03:
                    flushing.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await flushing
                    persister.start()
                    flushing = asyncio.create_task(persister.go_on())
                await asyncio.sleep(0)
            await flushing
            if draw.random() < 0.5:
                await persister.round()

    await asyncio.gather(*map(one, persisters))
    for persister in persisters:
        # Nothing is on its way any more: after this all lists show all there is.
        persister.faults.__init__(database, draw, 0.0)  # type: ignore[misc]
        persister.start()
        await persister.go_on()
        await persister.round()
    for name, log in database.logs.items():
        listed = database.document(f"{name}/lists/all")
        assert listed.fields["parts"].integer_value == len(log)
    return database
