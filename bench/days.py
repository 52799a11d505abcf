"""Measure the persister's processor time per article, with days and without.

    python bench/days.py ARTICLES [--limit 6000] [--rounds 3]

Everything from a serialised RecordBatchRequest to the sink, in this process: reading it, recording
it in a journal on disk, cutting and planning flushes, applying their parts to a SQLite sink, or
building the commits for Firestore, and marking them done; each stage is told by itself. What the
days are: see tools/economy.py. Rounds take turns, so that a busy machine slows all alike; the least
of each counts. Ends with the line
`sqlite steady=X.XX archive=X.XX firestore steady=X.XX archive=X.XX`: with days / without.
"""

import argparse
import gc
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypeVar, TypeVarTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from economy import Article, Days, batch, extract, steady
from newstally_persister.flushing.calls import MarkDone, PlanPart
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, schema
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.days import DAYS_KEPT, window
from newstally_persister.sinks.sqlite import PART_LIMITS
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.batches import Batch, read_batch
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.uploads import NewUpload
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from newstally_runtime.service import COLLECTED_AFTER
from recount import dates

BATCH = 100
"""Articles in a batch."""
FLUSH = {"sqlite": 500, "firestore": 3_000}
"""Articles in a flush: about what comes within its age."""
KEPT_EVERY = 5
"""Flushes to SQLite until the keeper's turn: it has one every five seconds."""
DOCUMENTS = "projects/newstally/databases/(default)/documents"


def requests(articles: Sequence[Article], days: Days) -> list[bytes]:
    """Return what the gateway would send."""
    return [
        batch(
            first, articles[first : first + BATCH], days[first : first + BATCH]
        ).SerializeToString()
        for first in range(0, len(articles), BATCH)
    ]


Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
Into = tuple[Callable[[Part], object], PartLimits, Callable[[], object]]


def into_sqlite(folder: Path) -> Into:
    """Return what applies a part, how large it may be, and what the keeper does."""
    tallies = SqliteTallies(sqlite_schema.connect(folder / "tallies.db"))

    def keep() -> None:
        while tallies.keep():
            pass

    keep()  # imports what it needs
    return tallies.apply, PART_LIMITS, keep


def into_firestore(_: Path) -> Into:
    """Return what makes a part's commit, as far as the client library; there is no keeper."""
    kept = window(date(2026, 11, 21), DAYS_KEPT, None, first_part=True)

    def build(part: Part) -> int:
        made = writes.row_writes(DOCUMENTS, part, kept)
        return sum(len(write.SerializeToString()) for write in made)

    return build, writes.part_limits(1_000), lambda: None


class Spent(dict[str, float]):
    """Seconds of processor time by stage."""

    def of(self, stage: str, work: Callable[[*Arguments], Result], *args: *Arguments) -> Result:
        """Do it, and note what it took."""
        began = time.process_time()
        result = work(*args)
        self[stage] = self.get(stage, 0.0) + time.process_time() - began
        return result

    @property
    def total(self) -> float:
        """All stages together."""
        return sum(self.values())


def read(data: bytes) -> Batch:
    """Read a request as the service does."""
    return read_batch(RecordBatchRequest.FromString(data))


def run(sink: str, sent: Sequence[bytes]) -> Spent:
    """Do all of it; return what that took."""
    with tempfile.TemporaryDirectory(prefix="newstally-bench-") as scratch:
        connection = sqlite3.connect(Path(scratch, "journal.db"))
        schema.configure(connection)
        journal = JournalStore(connection)
        journal.create_uploads([NewUpload("economy", "anonymous")], 1)
        apply, limits, keep = (into_sqlite if sink == "sqlite" else into_firestore)(Path(scratch))
        flushed = 0
        spent = Spent()
        for number, data in enumerate(sent, 1):
            batch = spent.of("read", read, data)
            spent.of("record", journal.record_batches, [batch], 1)
            if number % (FLUSH[sink] // BATCH) == 0 or number == len(sent):
                flush(journal, apply, limits, spent)
                flushed += 1
                if flushed % KEPT_EVERY == 0:
                    spent.of("keep", keep)
        spent.of("keep", keep)
        connection.close()
        return spent


def flush(
    journal: JournalStore, apply: Callable[[Part], object], limits: PartLimits, spent: Spent
) -> None:
    """Move everything to the sink."""
    number = spent.of("plan", journal.run, flushes.cut)
    if number is None:
        return

    while (part := spent.of("plan", journal.run, PlanPart(number, limits))) is not None:
        spent.of("apply", apply, part)
        spent.of("done", journal.run, MarkDone(part))


def main() -> int:
    """Print a line per sink and kind of days."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path, help="JSONL, also .gz")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--limit", type=int, default=6_000, help="how many of them")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print("extracting, unless an earlier run did: minutes", flush=True)
    articles = extract(options.articles, options.model)[: options.limit]
    kinds: dict[str, Days] = {
        "none": [None] * len(articles),
        "steady": steady(len(articles)),
        "archive": dates(options.articles)[: len(articles)],
    }
    sent = {kind: requests(articles, days) for kind, days in kinds.items()}
    # As in a service: what is loaded here is not looked through for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    line = []
    for sink in FLUSH:
        took: dict[str, Spent] = {}
        for number in range(1, options.rounds + 1):
            for kind in kinds:
                spent = run(sink, sent[kind])
                took[kind] = min(took.get(kind, spent), spent, key=lambda each: each.total)
            # A pipe would keep it until the end, minutes later.
            print(f"{sink}: round {number} of {options.rounds}", flush=True)
        micros = 1e6 / len(articles)
        for kind, spent in took.items():
            stages = ", ".join(f"{name} {each * micros:.0f}" for name, each in spent.items())
            print(
                f"{sink:10} {kind:8} {spent.total * micros:8.0f} microseconds an article: {stages}",
                flush=True,
            )
        none = took["none"].total
        ratios = (f"{kind}={took[kind].total / none:.2f}" for kind in kinds if kind != "none")
        line.append(f"{sink} {' '.join(ratios)}")
    print(" ".join(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
