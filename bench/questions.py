"""What questions by day cost in the embedded sink: `make bench-questions`.

    python bench/questions.py [--rows 1000000] [--keep FILE]

Fills a store with made-up tallies, as a build without rollups would have left them: 14
publications, as many days as it takes, about 2,000 entities of each publication and day, some of
them everywhere and most of them once. Has the keeper catch up with them. Then asks each question
several times, through the sink as the persister does, and prints the median and the slowest time,
and the median of processor time, which says more on a busy machine.
"""

import argparse
import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
from newstally_persister.sinks.base import PageLimits, SinkError
from newstally_persister.sinks.questions.asked import Days, Floor, Name, Period
from newstally_persister.sinks.questions.sqlite import SqliteQuestions
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_persister.sinks.sqlite_schema import connect
from newstally_persister.sinks.sqlite_tallies import SqliteTallies

PUBLICATIONS = 14
ENTITIES_A_DAY = 2_000
ARTICLES_A_DAY = 150
NAMES = 400_000
LAST_DAY = 20_500
LABELS = ("PERSON", "ORG", "GPE", "NORP")
TIMES = 9
PAGE = PageLimits(20, 1 << 20)


def fill(path: Path, rows: int) -> int:
    """Write so many rows of entities by day; return how many there are."""
    random = np.random.default_rng(14)
    days = max(1, round(rows / (PUBLICATIONS * ENTITIES_A_DAY)))
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO labels (label, name) VALUES (?, ?)", list(enumerate(LABELS, 1))
    )
    connection.executemany(
        "INSERT INTO entity_names (entity, text, label, display) VALUES (?, ?, ?, ?)",
        ((n, _text(n), LABELS[n % 4], _text(n).title()) for n in range(1, NAMES + 1)),
    )
    written = 0
    for day in range(LAST_DAY - days + 1, LAST_DAY + 1):
        for publication in range(1, PUBLICATIONS + 1):
            # Ranks by Zipf's law, the frequent ones in other places in each publication.
            drawn = np.exp(random.random(ENTITIES_A_DAY * 2) * np.log(NAMES)).astype(np.int64)
            entities, mentioned = np.unique(drawn, return_counts=True)
            keep = random.permutation(len(entities))[:ENTITIES_A_DAY]
            connection.executemany(
                "INSERT INTO entity_days VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (day, publication, int(e), int(e) % 4 + 1, int(m) * 2, int(m))
                    for e, m in sorted(zip(entities[keep], mentioned[keep], strict=True))
                ),
            )
            written += len(keep)
        connection.executemany(
            "INSERT INTO publication_days VALUES (?, ?, ?, ?)",
            [(p, day, ARTICLES_A_DAY * 30, ARTICLES_A_DAY) for p in range(1, PUBLICATIONS + 1)],
        )
    connection.execute(
        "INSERT INTO entity_tallies (publication, entity, label, mentions, articles) "
        "SELECT publication, entity, label, sum(mentions), sum(articles) FROM entity_days "
        "GROUP BY publication, entity"
    )
    connection.execute(
        "INSERT INTO publication_tallies (publication, key, name, mentions, articles) "
        "SELECT publication, 'paper ' || publication, 'Paper ' || publication, sum(mentions), "
        "sum(articles) FROM publication_days GROUP BY publication"
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return written


def catch_up(path: Path) -> None:
    """Have the keeper do what is due, and say how long that takes."""
    begin, begin_work = time.perf_counter(), time.process_time()
    tallies = SqliteTallies(connect(path))
    longest = steps = 0.0
    while True:
        step = time.perf_counter()
        if not (tallies.keep() or tallies.keep(idle=True)):
            break
        longest = max(longest, time.perf_counter() - step)
        steps += 1
    tallies.close()
    print(
        f"caught up in {time.perf_counter() - begin:.1f} s, {time.process_time() - begin_work:.1f}"
        f" s of processor time, in {steps:.0f} steps of at most {longest:.2f} s:"
        f" {path.stat().st_size / 1e6:,.0f} MB",
        flush=True,
    )


def _text(entity: int) -> str:
    return f"{'abcdefghijklmnopqrstuvwxyz'[entity * 7 % 26]}{entity * 7_919 % 1_000_003:x} name"


def asked(path: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    """Return the questions by what they are about."""
    questions = SqliteQuestions(SqliteSink(path, receipt_days=7))
    one, last = "paper 3", LAST_DAY
    with sqlite3.connect(path) as connection:
        frequent = connection.execute("SELECT text FROM entity_names WHERE entity = 3").fetchone()
    name = Name(frequent[0], "")

    def top(publication: str | None, days: int | None) -> Callable[[], Awaitable[object]]:
        span = Days() if days is None else Days(last - days + 1, last)
        return lambda: questions.rank(publication, span, "", PAGE, None)

    def rising(publication: str | None) -> Callable[[], Awaitable[object]]:
        week, before = Period(last - 6, last), Period(last - 34, last - 7)
        return lambda: questions.rising(publication, week, before, Floor(3, ""), PAGE, None, last)

    def history(publication: str | None) -> Callable[[], Awaitable[object]]:
        pages = PageLimits(1_000, 1 << 20)
        return lambda: questions.history(publication, name, Days(), pages, None)

    return {
        **{
            f"top, {whose}, {span}": top(publication, days)
            for whose, publication in (("one publication", one), ("all", None))
            for span, days in (
                ("a day", 1),
                ("a week", 7),
                ("a month", 31),
                ("half a year", 182),
                ("a year", 365),
                ("ever", None),
            )
        },
        "rising, one publication, a week against four": rising(one),
        "rising, all, a week against four": rising(None),
        "history, one publication, all days": history(one),
        "history, all, all days": history(None),
        "one entity across publications, a month": lambda: questions.publications(
            name, Days(last - 30, last), PAGE, None
        ),
        "names by two letters, all": lambda: questions.find(None, "a1", "", PAGE, None),
        "names by two letters of any word, all": lambda: questions.find(None, "na", "", PAGE, None),
        "names by two letters, one publication": lambda: questions.find(one, "a1", "", PAGE, None),
    }


async def ask(path: Path) -> None:
    """Print what each question takes."""
    print(f"{'question':46}{'median ms':>10}{'slowest ms':>12}{'CPU ms':>8}")
    for about, question in asked(path).items():
        took: list[float] = []
        worked: list[float] = []
        for _ in range(TIMES):
            begin, begin_work = time.perf_counter(), time.process_time()
            try:
                await question()
            except SinkError as error:
                print(f"{about:46}  {error}")
                break
            took.append(1_000 * (time.perf_counter() - begin))
            worked.append(1_000 * (time.process_time() - begin_work))
        else:
            # The first one reads the file.
            row = (
                f"{statistics.median(took):10.1f}{max(took):12.1f}{statistics.median(worked):8.1f}"
            )
            print(f"{about:46}{row}", flush=True)


def main() -> int:
    """Fill and ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="use this file, and make it if it is not there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newstally-questions-") as scratch:
        path = options.keep or Path(scratch, "tallies.db")
        if not path.exists():
            begin = time.perf_counter()
            rows = fill(path, options.rows)
            print(
                f"{rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, filled in"
                f" {time.perf_counter() - begin:.0f} s",
                flush=True,
            )
            catch_up(path)
        asyncio.run(ask(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
