"""Measure the persister with each sink and layout: what it settles and applies, at what cost.

    python bench/layouts.py ARTICLES [--count N] [--flush-rows N]

A real persister, and the emulator as Firestore, which takes most of the time with one document per
entity. Articles are what the extractor found in them, with days of a steady stream; they are sent
as fast as they are taken. For each: settled articles/s, applied articles/s, processor time of the
persister per article, and its memory.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

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


def measure(
    name: str, articles: Sequence[Article], days: Days, scratch: Path, flush_rows: int
) -> str:
    """Return a line of the table."""
    flags = [*SIDES[name], "--flush-rows", str(flush_rows), "--flush-age", "1"]
    process = persister(scratch / name, *flags)
    if name != "sqlite":
        process.environment.update(
            FIRESTORE_EMULATOR_HOST=firestore_emulator.running(),
            GOOGLE_CLOUD_PROJECT=f"bench-{name}-{time.time_ns()}",
        )
    requests = [
        batch(first, articles[first : first + BATCH], days[first : first + BATCH])
        for first in range(0, len(articles), BATCH)
    ]
    with process, Caller(process.address) as caller:
        upload = requests[0].upload_id
        caller.create(upload)
        before, begun = used(process), time.monotonic()
        for request in requests:
            caller.journal.RecordBatch(request, timeout=60.0)
        settled = time.monotonic() - begun
        while caller.upload(upload).applied_offset < len(articles):
            if time.monotonic() - begun > APPLIED_SECONDS:
                return f"{name:>10}  not applied within {APPLIED_SECONDS:.0f} s"
            time.sleep(0.02)
        applied = time.monotonic() - begun
        seconds = used(process) - before
        memory = psutil.Process(process.pid).memory_info().rss
    count = len(articles)
    return (
        f"{name:>10}{count / settled:16,.0f}{count / applied:16,.0f}"
        f"{seconds / count * 1e3:18.3f}{memory / 2**20:8.0f}"
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
    parser.add_argument("--flush-rows", type=int, default=10_000, help="about 1,000 articles")
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    options = parser.parse_args()
    articles = extract(options.articles, options.model)[: options.count]
    days = steady(len(articles))
    print("           settled articles/s  applied articles/s  ms per article   MiB", flush=True)
    with tempfile.TemporaryDirectory(prefix="newstally-layouts-") as scratch:
        for name in options.sides:
            line = measure(name, articles, days, Path(scratch), options.flush_rows)
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
