"""How many documents Firestore bills for the usual questions, in both layouts.

    python tools/reads.py [ARTICLES] [--entities 2000 11000 50000]

The real sink writes 14 publications over 90 days to a database in memory, which the tests compare
with the emulator; the real questions are asked about the publication with most articles. Made-up
articles have names as rare as those of real ones: three of four are mentioned once. With ARTICLES,
what the extractor finds in these, spread over 90 days, comes first.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from economy import BATCH, TODAY, Article, batch, extract
from newstally_persister.sinks.firestore.compact.listing.documents import LISTS
from newstally_persister.sinks.questions.asked import UnansweredError
from newstally_persister.values.keys import publication_key
from support.billed import Asked, Subject, questions
from support.firestore_memory import MemoryFirestore

DAYS = 90
FLUSHES = {"documents": 1, "compact": 30}
"""What documents hold does not depend on it; how many segments wait to be folded does."""
PUBLICATIONS = 14
OTHERS = 2_000
"""Entities of each of the other publications, at most."""
PER_ARTICLE = 14
"""Distinct entities of an article."""
DOLLARS = 0.06
"""For 100,000 reads."""
_REST, _DISCOUNT = 10.0, 0.85
_SIDES = ("documents", "compact", "with lists")
_LABELS = ("PERSON", "ORG", "GPE", "PERSON", "ORG", "DATE", "NORP", "EVENT")
_SYLLABLES = [a + b + c for a in "bdklmnprst" for b in "aeiou" for c in ("n", "r", "s", "")]


def named(number: int) -> tuple[str, str]:
    """Return the text and label of an entity; the same number is the same one everywhere."""
    draw = random.Random(number)
    return "".join(draw.choices(_SYLLABLES, k=3)) + f" {number:x}", draw.choice(_LABELS)


def mentioned(entities: int, draw: random.Random) -> Iterator[int]:
    """Give which entity is mentioned next, until so many were.

    A Pitman-Yor process, as names in news are: new ones do not end.
    """
    earlier: list[int] = []
    counts: Counter[int] = Counter()
    while len(counts) < entities:
        if draw.random() * (_REST + len(earlier)) < _REST + _DISCOUNT * len(counts):
            number = len(counts)
        else:
            number = draw.choice(earlier)
            while draw.random() * counts[number] < _DISCOUNT:
                number = draw.choice(earlier)
        earlier.append(number)
        counts[number] += 1
        yield number


def made_up(entities: int) -> list[Article]:
    """Return articles of publications, of which the first has so many entities."""
    articles: list[tuple[float, Article]] = []
    for publication in range(PUBLICATIONS):
        draw = random.Random(publication)
        own: list[Article] = []
        found: dict[tuple[str, str], int] = {}
        for number in mentioned(min(entities, OTHERS) if publication else entities, draw):
            entity = named(number)
            found[entity] = found.get(entity, 0) + 1 + (draw.random() < 0.4)
            if len(found) == PER_ARTICLE:
                own.append((f"Paper {publication}", found))
                found = {}
        articles += ((at / len(own), article) for at, article in enumerate(own))
    return [article for _, article in sorted(articles, key=lambda each: each[0])]


def subject(articles: Sequence[Article]) -> Subject:
    """Return the publication with most articles, and what it mentions in most of them."""
    names = Counter(publication for publication, _ in articles)
    name = names.most_common(1)[0][0]
    counted = Counter(
        each for publication, found in articles if publication == name for each in found
    )
    entity = counted.most_common(1)[0][0]
    print(
        f"\n{len(articles):,} articles of {len(names)} publications; {name!r} has {names[name]:,}"
        f" and {len(counted):,} entities",
        flush=True,
    )
    return Subject(publication_key(name), *entity, TODAY)


async def write(asked: Asked, articles: Sequence[Article], flushes: int) -> None:
    """Write articles, spread over the days, a flush after the other."""
    days = [TODAY - DAYS + 1 + at * DAYS // len(articles) for at in range(len(articles))]
    each = -(-len(articles) // flushes)
    for begin in range(0, len(articles), each):
        for first in range(begin, min(begin + each, len(articles)), BATCH):
            end = min(first + BATCH, begin + each, len(articles))
            asked.record(batch(first, articles[first:end], days[first:end]))
        await asked.flush()
    await asked.list()


async def measure(articles: Sequence[Article]) -> None:
    """Write both layouts, ask, and print the table."""
    about = subject(articles)
    today = date(1970, 1, 1) + timedelta(TODAY)
    columns: dict[str, list[str]] = {}
    for layout, flushes in FLUSHES.items():
        begun = time.process_time()
        memory = MemoryFirestore(measuring=False, now=TODAY * 86_400)
        asked = Asked(memory, layout, today)
        await write(asked, articles, flushes)
        print(f"{layout}: written in {time.process_time() - begun:.0f} s of processor time")
        if layout == "compact":
            columns["with lists"] = await told(asked, memory, about)
            for name in [name for name in memory.stored if f"/{LISTS}/" in name]:
                del memory.stored[name]
        columns[layout] = await told(asked, memory, about)
        await asked.sink.close()
    print(f"{'documents read, and MiB':42}" + "".join(f"{name:>15}" for name in _SIDES))
    for at, name in enumerate(questions(about)):
        print(f"{name:42}" + "".join(columns[side][at] for side in _SIDES), flush=True)


async def told(asked: Asked, memory: MemoryFirestore, about: Subject) -> list[str]:
    """Ask all questions; return a column of the table."""
    cells = []
    for ask in questions(about).values():
        before = memory.bytes_read
        try:
            reads = f"{(await asked.reads(ask))[0]:,}"
        except UnansweredError:
            reads = "refused"
        cells.append(f"{reads:>8}{(memory.bytes_read - before) / 2**20:7.2f}")
    return cells


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path, nargs="?", help="JSONL, also .gz")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--entities", type=int, nargs="*", default=[2_000, 11_000, 50_000])
    options = parser.parse_args()
    if options.articles:
        asyncio.run(measure(extract(options.articles, options.model)))
    for entities in options.entities:
        asyncio.run(measure(made_up(entities)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
