"""What `make chaos` reads when all is over, and what it makes of it."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chaos_peace import Peace
from newstally import Access, Article, NewstallyClient
from stored_days import Days, of_firestore, of_sqlite
from support import firestore_emulator
from support.corpus import stored_totals, totals
from support.engines import recount
from support.firestore_days import EPOCH, days_from, places
from unit.persister.building import check_rollups

PROJECT = "newstally-chaos"
"""The project in the emulator."""
_POLL_SECONDS = 0.5


async def wait_applied(target: str, access: Access | None, uploads: int, peace: Peace) -> int:
    """Wait until the sink has all that was settled; return how many articles were refused.

    Raises GivenUpError.
    """
    refused = 0
    async with NewstallyClient(target, access=access) as client:
        for number in range(uploads):
            while True:
                upload = await client.get_upload(f"chaos-{number}")
                if upload.applied_offset >= upload.next_offset:
                    break
                peace.check(f"upload {number} of {uploads} is not applied")
                await asyncio.sleep(_POLL_SECONDS)
            refused += upload.refused
    return refused


def judge(
    articles: list[Article], target: str, access: Access | None
) -> tuple[int, int, list[str]]:
    """Return how many articles were lost and doubled, and whatever else differs."""
    found = asyncio.run(stored_totals(target, access))
    expected = totals(articles)
    lost = double = 0
    other: list[str] = []
    for name, total in expected.items():
        have = found.get(name)
        for key, wanted in total.entities.items():
            seen = have.entities.get(key) if have else None
            if key[0].startswith("single"):
                lost += seen is None
                double += seen is not None and seen.mentions > 1
            elif seen != wanted:
                other.append(f"{name} {key}: {seen} instead of {wanted}")
        if have is None or have.articles != total.articles:
            other.append(f"{name}: {have and have.articles} articles instead of {total.articles}")
        elif extra := have.entities.keys() - total.entities.keys():
            other.append(f"{name}: {len(extra)} entities that no article mentions")
    return lost, double, other


def judge_days(articles: list[Article], sink: str, data: Path) -> list[str]:
    """Return what differs from day to day, a line each. `data`: the persister's directory."""
    if sink != "sqlite":
        found = of_firestore(PROJECT, firestore_emulator.running())
    else:
        found = of_sqlite(data / "tallies.db")
    today = datetime.now(UTC).date()
    expected: Days = Counter()
    for article in articles:
        if article.publish_time is None:
            continue
        day = article.publish_time.date()
        kept = (
            places(day.toordinal() - EPOCH, today, days_from(today))
            if sink == "firestore"
            else [day.isoformat()]
        )
        key = " ".join(article.publication.split()).casefold()
        counts = recount([article.content])
        for place in kept:
            expected[key, "", "", "articles", place] += 1
            expected[key, "", "", "mentions", place] += sum(c.mentions for c in counts.values())
            for entity, counted in counts.items():
                expected[key, *entity, "articles", place] += counted.articles
                expected[key, *entity, "mentions", place] += counted.mentions
    wrong = [
        f"{key}: {found[key]} instead of {expected[key]}"
        for key in sorted(expected.keys() | found.keys())
        if expected[key] != found[key]
    ]
    if sink == "sqlite":
        wrong += judge_rollups(data / "tallies.db")
    return wrong


def judge_rollups(path: Path) -> list[str]:
    """Return a line if the rollups of a file are not what its rows add up to."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            check_rollups(connection.execute)
        except AssertionError as error:
            return [f"rollups: {error}"]
    return []
