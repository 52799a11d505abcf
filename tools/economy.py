"""How many Firestore writes do 1,000 articles take, by flush window?

    python tools/economy.py ARTICLES [--model en_newstally] [--part-writes 1000]

Extracts the articles once (what was found is kept in the temporary directory), records them in a
real journal, cuts and plans a flush every so many articles as the flusher does, and counts all
writes of its commits: rows, receipts, marks, and the receipts' expiry. Beside it stands the least
that the layout allows, counted plainly: the distinct pairs of publication and entity in each
window, plus its publications, plus its receipts.

Without days, and with: a steady stream, as it would come day by day, 3,000 articles a day, of which
90 % are of that day, 5 % of the day before, 2 % older and 3 % of none; and an archive, the dates
that the articles have (364 months, shuffled; 15 % have none).
"""

import argparse
import hashlib
import json
import pickle
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import spacy
from economy_compact import STORED, Spent, run, stored
from newstally_extractor.counting.entities import NamedCounts
from newstally_extractor.fast import FastPipeline, prove
from newstally_extractor.html.plain import make_reader
from newstally_extractor.names.counting import make_counter
from newstally_extractor.pipelines.cutting import cut as cut_runs
from newstally_extractor.settings import ExtractorSettings
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables.flushes import cut, part_done, plan_part
from newstally_persister.sinks.firestore.writes import part_limits, writes_of_flush
from newstally_persister.values.batches import read_batch
from newstally_persister.values.parts import PartLimits
from newstally_persister.values.uploads import NewUpload
from newstally_protos.v1 import journal_pb2, tally_pb2
from recount import dates, read
from support.firestore_memory import MemoryFirestore

Mentions = dict[tuple[str, str], int]
Article = tuple[str, Mentions]
"""The publication as sent, and its entities' mentions."""
Days = Sequence[int | None]
"""Of each article, in days since 1970."""
PER_DAY = 3_000
TODAY = 20_778
"""The day of the last articles of the steady stream."""
WINDOWS = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)
"""In articles."""
COMPACT_ARTICLES = {1: 1_000, 10: 1_000, 30: 3_000}
"""How many articles the compact layout is given with a small window. What a flush takes does not
depend on what came before, and lists of each publication are made after each: an hour, with all."""
SHOWN = 1_000
"""The window of the last line."""
BATCH = 100
"""Articles that are recorded at a time: it changes no count."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What the articles cost with one window."""

    flushes: int
    rows: int
    writes: int
    least: int


def extract(path: Path, model: str) -> list[Article]:
    """Return what the extractor finds, from an earlier run where there was one."""
    nlp = spacy.load(model)
    settings = ExtractorSettings()
    counter = make_counter(settings)
    plain, reading = make_reader(settings.html)
    identity = hashlib.sha256(path.read_bytes())
    identity.update(
        json.dumps([counter.version, reading, sorted(settings.excluded_labels)]).encode()
    )
    identity.update(nlp.to_bytes())
    store = Path(tempfile.gettempdir(), f"newstally-economy-{identity.hexdigest()[:24]}.pickle")
    if store.exists():
        found: list[Article] = pickle.loads(store.read_bytes())
        return found
    fast = FastPipeline.from_nlp(nlp)
    if reason := prove(nlp, fast):
        raise SystemExit(f"the fast path does not reproduce {model}: {reason}")
    extracted = []
    texts = [(publication, cut_runs(plain(content))) for publication, content in read(path)]
    for begin in range(0, len(texts), 64):
        some = texts[begin : begin + 64]
        found_in = fast.entities([text for _, text in some])
        for (publication, text), entities in zip(some, found_in, strict=True):
            extracted.append((publication, counter.count(text, entities)))
    scratch = store.with_suffix(".new")
    scratch.write_bytes(pickle.dumps(extracted))
    scratch.rename(store)
    return extracted


def steady(articles: int) -> Days:
    """Return the days of a stream that comes as it is published, nearly."""
    days: list[int | None] = []
    for number in range(articles):
        today = TODAY - (articles - 1 - number) // PER_DAY
        match number * 37 % 100:
            case 0 | 1 | 2:
                days.append(None)
            case 3 | 4:
                days.append(today - 2 - number % 28)
            case 5 | 6 | 7 | 8 | 9:
                days.append(today - 1)
            case _:
                days.append(today)
    return days


def cost(articles: Sequence[Article], days: Days, window: int, limits: PartLimits) -> Cost:
    """Count the writes with a flush every `window` articles."""
    journal = JournalStore(sqlite3.connect(":memory:"))
    journal.create_uploads([NewUpload("economy", "anonymous")], 1)
    flushes = rows = writes = least = 0
    for begin in range(0, len(articles), window):
        some = articles[begin : begin + window]
        for first in range(0, len(some), BATCH):
            at = begin + first
            end = min(at + BATCH, begin + len(some))
            request = batch(at, articles[at:end], days[at:end])
            journal.record_batches([read_batch(request)], 1)
        sizes = list(flush(journal, limits))
        flushes += 1
        rows += sum(sizes)
        writes += writes_of_flush(sum(sizes), len(sizes))
        least += least_rows(some) + len(sizes)
    return Cost(flushes, rows, writes, least)


def compact_cost(
    articles: Sequence[Article],
    days: Days,
    window: int,
    part_writes: int,
    memory: MemoryFirestore | None = None,
) -> tuple[Spent, Spent]:
    """Let the sink write the compact layout, with a flush every `window` articles; see `spend`."""

    def record(journal: JournalStore, begin: int, end: int) -> None:
        if not begin:
            journal.create_uploads([NewUpload("economy", "anonymous")], 1)
        for first in range(begin, end, BATCH):
            last = min(first + BATCH, end)
            request = batch(first, articles[first:last], days[first:last])
            journal.record_batches([read_batch(request)], 1)

    return run(
        record,
        len(articles),
        window,
        part_writes,
        memory or MemoryFirestore(measuring=False, now=TODAY * 86_400),
    )


def flush(journal: JournalStore, limits: PartLimits) -> Iterator[int]:
    """Cut a flush; give the number of rows of each of its parts."""
    number = journal.run(cut)
    while number is not None and (part := journal.run(plan_part, number, limits)) is not None:
        yield len(part.publications) + len(part.entities)
        journal.run(part_done, number, part.number)


def least_rows(articles: Sequence[Article]) -> int:
    """Count plainly the documents that these articles change."""
    pairs = {(publication, *key) for publication, found in articles for key in found}
    return len(pairs) + len({publication for publication, _ in articles})


def batch(first: int, articles: Sequence[Article], days: Days) -> journal_pb2.RecordBatchRequest:
    """Tally articles as a gateway does."""
    found: dict[tuple[str, int | None], list[Mentions]] = {}
    names: dict[tuple[str, str], str] = {}
    for (publication, mentions), day in zip(articles, days, strict=True):
        found.setdefault((publication, day), []).append(mentions)
        if isinstance(mentions, NamedCounts):
            names.update(mentions.names)
    return journal_pb2.RecordBatchRequest(
        upload_id="economy",
        first_offset=first,
        end_offset=first + len(articles),
        publications=[tally(*place, some, names) for place, some in found.items()],
    )


def tally(
    publication: str,
    day: int | None,
    articles: Sequence[Mentions],
    names: dict[tuple[str, str], str],
) -> journal_pb2.PublicationBatch:
    """Add one publication's articles of one day up, with the names that nobody carries yet."""
    mentions: Counter[tuple[str, str]] = Counter()
    mentioning: Counter[tuple[str, str]] = Counter()
    for found in articles:
        mentions.update(found)
        mentioning.update(found.keys())
    return journal_pb2.PublicationBatch(
        publication=publication,
        day=day,
        articles=len(articles),
        entity_tallies=[
            tally_pb2.EntityTally(
                text=key[0],
                label=key[1],
                mentions=n,
                articles=mentioning[key],
                name=names.pop(key, ""),
            )
            for key, n in mentions.items()
        ],
    )


def main() -> int:
    """Print the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path, help="JSONL, also .gz")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--part-writes", type=int, default=1_000, help="--firestore-part-writes")
    options = parser.parse_args()
    articles = extract(options.articles, options.model)
    found = sum(len(mentions) for _, mentions in articles)
    print(f"{len(articles)} articles, {found / len(articles):.1f} entities each")
    print(
        "articles per flush   flushes   writes per 1,000 articles   least   above   steady  archive"
    )
    limits = part_limits(options.part_writes)
    stream, archive = steady(len(articles)), dates(options.articles)
    for window in WINDOWS:
        one = cost(articles, [None] * len(articles), window, limits)
        with_days = [cost(articles, days, window, limits) for days in (stream, archive)]
        thousands = len(articles) / 1_000
        print(
            f"{window:18,}{one.flushes:10,}{one.writes / thousands:28,.0f}"
            f"{one.least / thousands:8,.0f}{one.writes / one.least - 1:8.1%}"
            + "".join(f"{other.writes / one.writes - 1:9.2%}" for other in with_days),
            flush=True,
        )
        if window == SHOWN:
            documents = one.writes / thousands
    print("\nthe compact layout")
    print(
        "articles per flush   articles   writes per 1,000 articles   reads   MB sent   read"
        "   ms per article   steady  archive"
    )
    plain: Days = [None] * len(articles)
    for window in WINDOWS:
        some = articles[: COMPACT_ARTICLES.get(window)]
        spent, *others = (
            compact_cost(some, days, window, options.part_writes)[1]
            for days in (plain, stream, archive)
        )
        print(compact_line(window, spent, len(some), others), flush=True)
        if window == SHOWN:
            compact = spent.writes / len(articles) * 1_000
    store = stored([publication for publication, _ in articles])
    spent, folded = compact_cost(articles, plain, SHOWN, options.part_writes, store)
    print(f"\nwhere each publication has {STORED:,} entities already; then if all were folded now")
    print(compact_line(SHOWN, spent, len(articles), []))
    print(compact_line(SHOWN, folded, len(articles), []))
    large = spent.writes / len(articles) * 1_000
    print(f"documents={documents:.0f} compact={large:.0f} ratio={documents / large:.1f}")
    print("\nat 1,000 articles per flush")
    print(f"documents={documents:.0f} compact={compact:.0f} ratio={documents / compact:.1f}")
    return 0


def compact_line(window: int, spent: Spent, articles: int, others: Sequence[Spent]) -> str:
    """Return a line of the table: per 1,000 articles, and with days how much more is written."""
    thousands = articles / 1_000
    return (
        f"{window:18,}{articles:11,}{spent.writes / thousands:28,.0f}"
        f"{spent.reads / thousands:8,.0f}"
        f"{spent.bytes_written / thousands / 1e6:10,.1f}{spent.bytes_read / thousands / 1e6:7,.1f}"
        f"{spent.seconds / thousands:17.2f}"
        + "".join(f"{other.writes / spent.writes:8.2f}x" for other in others)
    )


if __name__ == "__main__":
    sys.exit(main())
