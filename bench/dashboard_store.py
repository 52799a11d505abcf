"""A store with many rows by day, written through the sink as flushes are."""

import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest

PUBLICATIONS = 14
ENTITIES_A_DAY = 2_000
"""Of each publication: the frequent ones again and again, most of them once."""
ARTICLES_A_DAY = 150
NAMES = 400_000
LABELS = ("PERSON", "ORG", "GPE", "NORP")
JOURNAL = "0" * 31 + "1"
_EPOCH = date(1970, 1, 1)
_SYLLABLES = [
    first + vowel for first in ("b", "d", "f", "g", "k", "l", "m", "n", "r", "s", "t", "v")
    for vowel in ("a", "e", "i", "o", "u")
]  # fmt: skip


def fill(path: Path, rows: int, last: date | None = None) -> int:
    """Write about so many rows of entities by day, up to `last` (today); return how many."""
    end = ((last or datetime.now(UTC).date()) - _EPOCH).days
    days = max(1, round(rows / (PUBLICATIONS * ENTITIES_A_DAY)))
    return asyncio.run(_write(path, range(end - days + 1, end + 1)))


async def _write(path: Path, days: range) -> int:
    sink = SqliteSink(path, receipt_days=7)
    written = 0
    try:
        for flush, rows in enumerate(_flushes(days), start=1):
            publication, entities = rows
            await sink.apply(
                Part(JOURNAL, flush, 1, digest([publication], entities), [publication], entities)
            )
            written += len(entities)
    finally:
        await sink.close()
    return written


def _flushes(days: range) -> Iterator[tuple[PublicationRow, list[EntityRow]]]:
    """Yield what one publication counted on one day."""
    random = np.random.default_rng(16)
    for day, number in itertools.product(days, range(1, PUBLICATIONS + 1)):
        name = f"Paper {number}"
        # Ranks by Zipf's law, the frequent ones in other places in each publication.
        drawn = np.exp(random.random(ENTITIES_A_DAY * 2) * np.log(NAMES)).astype(np.int64)
        found, mentioned = np.unique(drawn, return_counts=True)
        keep = np.sort(random.permutation(len(found))[:ENTITIES_A_DAY])
        entities = [
            EntityRow(
                *(name.lower(), text_of(entity).lower(), LABELS[entity % 4], 2 * times, times),
                name=text_of(entity),
                days=((day, 2 * times, times),),
            )
            for entity, times in zip(found[keep].tolist(), mentioned[keep].tolist(), strict=True)
        ]
        entities.sort(key=lambda row: (row.text, row.label))
        mentions = sum(row.mentions for row in entities)
        counts = (mentions, ARTICLES_A_DAY)
        yield PublicationRow(name.lower(), name, *counts, days=((day, *counts),)), entities


def text_of(entity: int) -> str:
    """Return the name of an entity by its rank, from 1: two words, each name once."""
    syllables = []
    rest = entity + len(_SYLLABLES) ** 2
    while rest:
        rest, digit = divmod(rest, len(_SYLLABLES))
        syllables.append(_SYLLABLES[digit])
    first, second = "".join(syllables[:2]), "".join(syllables[2:])
    return f"{first.title()} {second.title()}".strip()
