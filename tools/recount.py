"""`make recount`: does the store hold what a plain recount gives, to the last count?

    python tools/recount.py ARTICLES                    through a fresh trio of its own
    python tools/recount.py ARTICLES --target H:P       only compare with what a running one holds

The recount runs the same pipeline over the same texts in this one process, with `nlp.pipe` and the
extractor's own names, and adds up in plain dictionaries. It shares no code with the gateway,
the persister or the client beyond that. With a trio of its own it compares day by day, too: each
article's `date`, if it has one, against the rows of the sink's file, or with `--sink firestore`
against the documents in the emulator (days, months, and what lies outside of both). With `--kills
SEED` gateway, extractors, persister, client and the connection to the emulator are killed or cut
while the articles are uploaded. The last line says what was compared, how often something was
killed, and how much is different. Exit code 1 and the differences when anything differs.
"""

import argparse
import asyncio
import gzip
import hashlib
import itertools
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import spacy
from local_trio import trio
from newstally import Access, NewstallyClient
from newstally.up.secure import Secured
from newstally_extractor.html.plain import make_reader
from newstally_extractor.names.counting import make_counter
from newstally_extractor.pipelines.cutting import cut
from newstally_extractor.pipelines.entities import entities_of
from newstally_extractor.settings import ExtractorSettings
from stored_days import Days, in_documents, of_sqlite

EPOCH = date(1970, 1, 1).toordinal()
Entity = tuple[str, str]
SHOWN = 20


@dataclass
class Count:
    """What one publication adds up to."""

    articles: int = 0
    mentions: Counter[Entity] = field(default_factory=Counter)
    mentioning: Counter[Entity] = field(default_factory=Counter)
    days: Days = field(default_factory=Counter)


Counts = dict[str, Count]
"""By publication, folded."""


def fold(publication: str) -> str:
    """Return a publication's key: trimmed, white space and case folded."""
    return " ".join(publication.split()).casefold()


def read(path: Path) -> Iterator[tuple[str, str]]:
    """Give `(publication, content)` of each line of a JSONL file, also gzipped."""
    for article in lines(path):
        yield article["publication"], article["content"]


def lines(path: Path) -> Iterator[dict[str, str]]:
    """Give each line of a JSONL file, also gzipped."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from map(json.loads, file)


def day_of(article: dict[str, str]) -> str:
    """Return the day of an article, "2026-11-21", or ""."""
    return str(article.get("date") or article.get("publish_time") or "")[:10]


def dates(path: Path) -> list[int | None]:
    """Return the day of each article of a file, in days since 1970."""
    found = map(day_of, lines(path))
    return [date.fromisoformat(each).toordinal() - EPOCH if each else None for each in found]


def recount(articles: Iterable[dict[str, str]], model: str) -> Counts:
    """Count plainly, in one process."""
    nlp = spacy.load(model)
    settings = ExtractorSettings()
    counter = make_counter(settings)
    plain, _ = make_reader(settings.html)
    counts: Counts = {}
    # What no engine reads, this one does not either.
    pairs = ((cut(plain(article["content"])), article) for article in articles)
    for doc, article in nlp.pipe(pairs, as_tuples=True, batch_size=64):
        found = counter.count(doc.text, entities_of(doc))
        add(counts, article["publication"], found, day_of(article))
    return counts


def add(counts: Counts, publication: str, mentions: dict[Entity, int], day: str = "") -> None:
    """Add one article."""
    count = counts.setdefault(fold(publication), Count())
    count.articles += 1
    count.mentions.update(mentions)
    count.mentioning.update(mentions.keys())
    if day:
        key = fold(publication)
        count.days[key, "", "", "articles", day] += 1
        count.days[key, "", "", "mentions", day] += sum(mentions.values())
        for entity, number in mentions.items():
            count.days[key, *entity, "articles", day] += 1
            count.days[key, *entity, "mentions", day] += number


def cached(path: Path, model: str, limit: int | None) -> Counts:
    """Recount, or take the result of an earlier recount of the same input with the same model."""
    nlp = spacy.load(model)
    settings = ExtractorSettings()
    version = make_counter(settings).version + make_reader(settings.html)[1]
    identity = hashlib.sha256(path.read_bytes())
    made_by = [nlp.meta["name"], nlp.meta["version"], limit, version, "cut", "days"]
    identity.update(json.dumps(made_by).encode())
    identity.update(nlp.to_bytes())
    store = Path(tempfile.gettempdir(), f"newstally-recount-{identity.hexdigest()[:24]}.pickle")
    if store.exists():
        earlier: Counts = pickle.loads(store.read_bytes())  # made by this program
        return earlier
    articles = list(lines(path))[:limit]
    counts = recount(articles, model)
    scratch = store.with_suffix(".new")
    scratch.write_bytes(pickle.dumps(counts))
    scratch.rename(store)
    return counts


async def stored(target: str, access: Access | None = None) -> Counts:
    """Read everything that the sink holds, through the gateway."""
    counts: Counts = {}
    async with NewstallyClient(target, access=access) as client:
        async for publication in client.publications():
            count = counts.setdefault(fold(publication.publication), Count())
            count.articles = publication.articles
            async for tally in client.entity_tallies(publication.publication):
                count.mentions[tally.text, tally.label] = tally.mentions
                count.mentioning[tally.text, tally.label] = tally.articles
            if publication.mentions != sum(count.mentions.values()):
                print(f"{publication.publication}: its own mentions are {publication.mentions}")
                count.articles = -1  # shows as a difference
    return counts


def differences(expected: Counts, found: Counts) -> list[str]:
    """Return a line per difference."""
    lines = []
    for key in sorted(expected.keys() | found.keys()):
        one, other = expected.get(key, Count()), found.get(key, Count())
        if one.articles != other.articles:
            lines.append(f"{key}: {other.articles} articles, {one.articles} recounted")
        for entity in sorted(one.mentions.keys() | other.mentions.keys()):
            pair = (one.mentions[entity], one.mentioning[entity])
            seen = (other.mentions[entity], other.mentioning[entity])
            if pair != seen:
                lines.append(f"{key}: {entity}: mentions, articles {seen}, {pair} recounted")
    return lines


def counts_of(stored: Days) -> Counts:
    """Take the totals out of what documents hold."""
    counts: Counts = {}
    for key in [key for key in stored if not key[-1]]:
        publication, *entity, what, _ = key
        count = counts.setdefault(publication, Count())
        number = stored.pop(key)
        if any(entity):
            kept = count.mentions if what == "mentions" else count.mentioning
            kept[entity[0], entity[1]] = number
        elif what == "articles":
            count.articles = number
    return counts


def different_days(expected: Counts, found: Days, sink: str) -> list[str]:
    """Return a line per difference."""
    wanted: Days = Counter()
    for count in expected.values():
        wanted += count.days
    if sink == "firestore":
        wanted = in_documents(wanted)
    return [
        f"{key}: {found[key]}, {wanted[key]} recounted"
        for key in sorted(wanted.keys() | found.keys())
        if wanted[key] != found[key]
    ]


def report(
    expected: Counts, found: Counts, days: Days | None = None, sink: str = "", kills: int = 0
) -> int:
    """Print the comparison; return the exit code."""
    wrong = differences(expected, found)
    compared = ""
    if days is not None:
        wrong += different_days(expected, days, sink)
        compared = f" days={len({key[-1] for key in days})} counts-by-day={len(days)} kills={kills}"
    for line in wrong[:SHOWN]:
        print(line)
    articles = sum(count.articles for count in expected.values())
    pairs = sum(len(count.mentions) for count in expected.values())
    mentions = sum(count.mentions.total() for count in expected.values())
    print(
        f"recount: publications={len(expected)} articles={articles} entities={pairs} "
        f"mentions={mentions}{compared} different={len(wrong)}"
    )
    return 1 if wrong else 0


def main() -> int:
    """Parse the command line, count twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path, help="JSONL, also .gz")
    parser.add_argument("--target", help="compare with what this gateway holds; upload nothing")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--extractors", default="2")
    parser.add_argument("--engine", default="auto", help="what the extractors run the model with")
    parser.add_argument("--limit", type=int, help="only the first articles (not with --target)")
    parser.add_argument("--secure", action="store_true", help="with keys, TLS and mTLS")
    parser.add_argument("--sink", choices=("sqlite", "firestore", "compact"), default="sqlite")
    parser.add_argument("--kills", type=int, metavar="SEED", help="kill everything now and then")
    options = parser.parse_args()
    if options.secure and (options.kills is not None or options.sink != "sqlite"):
        parser.error("--secure goes with neither --kills nor Firestore")
    if options.target:
        expected = cached(options.articles, options.model, options.limit)
        return report(expected, asyncio.run(stored(options.target)))
    with tempfile.TemporaryDirectory(prefix="newstally-recount-") as scratch:
        articles = options.articles
        if options.limit:
            articles = Path(scratch, "articles.jsonl")
            with articles.open("w") as out:
                for article in itertools.islice(lines(options.articles), options.limit):
                    out.write(json.dumps(article) + "\n")
        if options.kills is not None or options.sink != "sqlite":
            return recount_kills(articles, Path(scratch), options)
        flags = ["--extractors", options.extractors, "--model", options.model]
        flags += ["--engine", options.engine]
        access, given = None, []
        if options.secure:
            flags.append("--secure")
            secured = Secured(Path(scratch, "data"))
            given = ["--ca", str(secured.folder.authority), "--key-file", str(secured.key)]
        with trio(Path(scratch, "data"), flags, Path(scratch, "trio.log")) as target:
            if options.secure:
                access = Access(ca=secured.folder.authority, key=secured.key.read_text().strip())
            began = time.monotonic()
            subprocess.run(
                [
                    *(sys.executable, "-m", "newstally", "upload", str(articles)),
                    *("--target", target, "--state-dir", str(Path(scratch, "state"))),
                    "--wait-applied",
                    *given,
                ],
                check=True,
            )
            print(f"uploaded and applied in {time.monotonic() - began:.1f} s", flush=True)
            found = asyncio.run(stored(target, access))
        days = of_sqlite(Path(scratch, "data", "tallies.db"))
        return report(cached(options.articles, options.model, options.limit), found, days)


def recount_kills(articles: Path, scratch: Path, options: argparse.Namespace) -> int:
    """Upload through processes that can be killed, compare; return the exit code."""
    from recount_kills import applied, documents  # noqa: PLC0415 - it needs what the tests need

    began = time.monotonic()
    flags = ["--model", options.model, "--engine", options.engine]
    with applied(
        articles, scratch, options.sink, int(options.extractors), flags, options.kills
    ) as (target, kills):
        print(f"uploaded and applied in {time.monotonic() - began:.1f} s", flush=True)
        if options.sink == "sqlite":
            found = asyncio.run(stored(target))
            days = of_sqlite(scratch / "data" / "tallies.db")
        else:
            days = documents()
            found = counts_of(days)
    expected = cached(options.articles, options.model, options.limit)
    return report(expected, found, days, options.sink, kills)


if __name__ == "__main__":
    sys.exit(main())
