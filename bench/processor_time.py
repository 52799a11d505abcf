"""Measure the processor time per article of each service, against the release before.

    python bench/processor_time.py ARTICLES [--before COMMIT] [--rounds N] [--count N] [--pipeline]

Both trios run all the time and take turns, each with the same articles from the same client: with
the rule-based engine of the tests, so that only what is around the extraction is measured, or with
the default pipeline. Each round has other articles, drawn from all: a few cost one pipeline ten
times as much as another, because they are handed back to nlp.pipe.
Processor time is user and system time, from before an upload until its tallies are in the sink.
What changes from turn to turn is the machine, so ratios are of two turns side by side. Ends with

    gateway=+X.X% extractor=+X.X% persister=+X.X% all=+X.X%

the median of the rounds, more than before.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import psutil
from newstally import Article, NewstallyClient
from recount import read
from rollouts.releases import previous_release
from support.processes import REPOSITORY
from support.trio import RULES, Trio

PACKAGES = ("protos", "runtime", "models", "gateway", "extractor", "persister")
SERVICES = ("gateway", "extractor", "persister")
APPLIED_SECONDS = 120

Used = dict[str, float]
"""Microseconds of processor time per article, by service."""


class Side:
    """A trio of one tree."""

    def __init__(self, tree: Path, scratch: Path, extractor_flags: Sequence[str]) -> None:
        """Prepare it; everything goes below `scratch`."""
        sources = [str(tree / package / "src") for package in PACKAGES]
        self.trio = Trio(
            scratch,
            extractors=1,
            extractor_flags=extractor_flags,
            persister_flags=("--flush-age", "0.5"),
        )
        for process in self.trio.processes:
            process.environment["PYTHONPATH"] = os.pathsep.join([str(tree / "tests"), *sources])

    def measure(self, articles: Sequence[Article], turn: int) -> Used:
        """Upload the articles; return what that took."""
        before = self._spent()
        asyncio.run(upload(self.trio.gateway.address, articles, f"turn-{turn}"))
        spent = self._spent()
        used = {name: 1e6 * (spent[name] - before[name]) / len(articles) for name in SERVICES}
        return {**used, "all": sum(used.values())}

    def _spent(self) -> Used:
        pids = (self.trio.gateway.pid, self.trio.extractors[0].pid, self.trio.persister.pid)
        return {name: spent(pid) for name, pid in zip(SERVICES, pids, strict=True)}


def spent(pid: int) -> float:
    """Return the processor time of a process in seconds, to the nanosecond where Linux has it."""
    if sys.platform == "linux":
        return time.clock_gettime(~pid << 3 | 2)  # its clock's number, see clock_getcpuclockid(3)
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def upload(target: str, articles: Sequence[Article], upload_id: str) -> None:
    """Upload, and wait until the tallies are in the sink. Raises TimeoutError."""
    async with asyncio.timeout(APPLIED_SECONDS), NewstallyClient(target) as client:
        await client.upload(articles, upload_id=upload_id)
        await client.wait_applied(upload_id)


@contextlib.contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """Give the tree of a commit."""
    git = ("git", "-C", str(REPOSITORY), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Compare processor time with an older commit.")
    parser.add_argument("articles", type=Path, help="JSON lines, also .gz")
    parser.add_argument(
        "--before", default="", help="the commit to compare with; the newest release"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=4000, help="articles in a turn")
    parser.add_argument("--pipeline", action="store_true", help="with the default pipeline")
    args = parser.parse_args()
    flags = [] if args.pipeline else ["--engine", RULES]
    release = previous_release(REPOSITORY, "")
    before = args.before or (release.commit if release else "HEAD")
    articles = [Article(publication, content) for publication, content in read(args.articles)]
    random.Random(1).shuffle(articles)
    endless = itertools.cycle(articles)
    with (
        tempfile.TemporaryDirectory(prefix="newstally-bench-") as scratch,
        checkout(before, Path(scratch) / "tree") as tree,
    ):
        old = Side(tree, Path(scratch) / "old", flags)
        new = Side(REPOSITORY, Path(scratch) / "new", flags)
        with old.trio, new.trio:
            rounds = []
            for turn in range(args.rounds + 1):
                # Who comes first takes turns, too.
                sides = (old, new) if turn % 2 else (new, old)
                drawn = list(itertools.islice(endless, args.count))
                used = {side: side.measure(drawn, turn) for side in sides}
                if not turn:
                    continue  # to get warm
                rounds.append((used[old], used[new]))
                print(f"  round {turn}: {describe(rounds[-1:])}", flush=True)
    print(f"median of {len(rounds)} rounds, microseconds per article: {describe(rounds)}")
    print(
        " ".join(
            f"{name}={median(new[name] / old[name] for old, new in rounds) - 1:+.1%}"
            for name in (*SERVICES, "all")
        )
    )
    return 0


def describe(rounds: Sequence[tuple[Used, Used]]) -> str:
    """Return what each service took, before and now."""
    return ", ".join(
        f"{name} {median(old[name] for old, _ in rounds):.0f} → "
        f"{median(new[name] for _, new in rounds):.0f}"
        for name in SERVICES
    )


if __name__ == "__main__":
    sys.exit(main())
