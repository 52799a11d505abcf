"""Measure the persister with each sink and layout: what it settles and applies, at what cost.

    python bench/layouts.py ARTICLES [--count N] [--rounds N] [--flush-rows N]

A real persister, and the emulator as Firestore, which takes most of the time with one document per
entity. Articles are what the extractor found in them, with days of a steady stream; they are sent
as fast as they are taken. In turn, so that what else the machine does meets all of them: settled
articles/s, applied articles/s, writes per 1,000 articles, processor time of the persister per
article, its memory, and the machine's load average. Then medians, and what compact does beside
documents. Compare numbers of one run only.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import psutil
from economy import BATCH, Article, Days, batch, extract, steady
from support import firestore_emulator
from support.processes import Process
from unit.persister.calling import Caller, persister

SIDES = {
    "sqlite": [],
    "documents": ["--sink", "firestore"],
    "compact": ["--sink", "firestore", "--firestore-layout", "compact"],
}
APPLIED_SECONDS = 600.0
HEADING = (
    "           settled articles/s  applied articles/s  writes per 1,000"
    "  ms per article   MiB    load"
)


class Measured(NamedTuple):
    """What one persister did."""

    settled: float
    """Articles in a second."""
    applied: float
    """Articles in a second; 0: not within the time."""
    writes: float
    """Of Firestore, per 1,000 articles."""
    milliseconds: float
    """Of processor time, per article."""
    mebibytes: float

    def line(self, name: str) -> str:
        """Return a line of the table."""
        return (
            f"{name:>10}{self.settled:16,.0f}{self.applied:16,.1f}{self.writes:16,.0f}"
            f"{self.milliseconds:18.3f}{self.mebibytes:8.0f}"
        )


def measure(
    name: str, articles: Sequence[Article], days: Days, scratch: Path, flush_rows: int
) -> Measured:
    """Send articles to a new persister, and wait until they are applied."""
    flags = [*SIDES[name], "--flush-rows", str(flush_rows), "--flush-age", "1"]
    process = persister(scratch, *flags)
    if name != "sqlite":
        process.environment.update(
            FIRESTORE_EMULATOR_HOST=firestore_emulator.running(),
            GOOGLE_CLOUD_PROJECT=f"bench-{name}-{time.time_ns()}",
        )
    requests = [
        batch(first, articles[first : first + BATCH], days[first : first + BATCH])
        for first in range(0, len(articles), BATCH)
    ]
    count = len(articles)
    with process, Caller(process.address) as caller:
        upload = requests[0].upload_id
        caller.create(upload)
        before, begun = used(process), time.monotonic()
        for request in requests:
            caller.journal.RecordBatch(request, timeout=60.0)
        settled = time.monotonic() - begun
        while (done := caller.upload(upload).applied_offset) < count:
            if time.monotonic() - begun > APPLIED_SECONDS:
                break
            time.sleep(0.02)
        applied = time.monotonic() - begun
        return Measured(
            count / settled,
            count / applied if done == count else 0.0,
            process.metric("newstally_persister_firestore_writes_total") / count * 1e3,
            (used(process) - before) / count * 1e3,
            psutil.Process(process.pid).memory_info().rss / 2**20,
        )


def used(process: Process) -> float:
    """Return the processor time of a process so far, in seconds."""
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def main() -> int:
    """Run as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("articles", type=Path, help="JSONL, also .gz")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--count", type=int, default=8_859)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--flush-rows", type=int, default=10_000, help="about 1,000 articles")
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    options = parser.parse_args()
    articles = extract(options.articles, options.model)[: options.count]
    days = steady(len(articles))
    print(f"{len(articles)} articles, cores {sorted(os.sched_getaffinity(0))}")
    print(HEADING, flush=True)
    found: dict[str, list[Measured]] = {name: [] for name in options.sides}
    with tempfile.TemporaryDirectory(prefix="newstally-layouts-") as scratch:
        for number in range(options.rounds):
            for name, rows in found.items():
                directory = Path(scratch, f"{name}-{number}")
                rows.append(measure(name, articles, days, directory, options.flush_rows))
                print(f"{rows[-1].line(name)}{os.getloadavg()[0]:8.1f}", flush=True)
    print("medians")
    middle = {name: Measured(*map(median, zip(*rows, strict=True))) for name, rows in found.items()}
    for name, row in middle.items():
        print(row.line(name))
    if {"documents", "compact"} <= middle.keys() and middle["documents"].applied:
        of, beside = middle["compact"], middle["documents"]
        print(
            f"compact beside documents: settled {of.settled / beside.settled:.2f}, applied"
            f" {of.applied / beside.applied:.2f}, writes {of.writes / beside.writes:.4f},"
            f" processor time {of.milliseconds / beside.milliseconds:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
