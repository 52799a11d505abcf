"""More and more real replicas behind one gateway, against as many times one.

    python bench/replicas.py [--replicas 1,2,4,8,16,32] [--seconds 8] [--bytes-per-second 660000]

All processes are real. Only the replicas' engine waits, as long as the fast path would work, so
that a machine of few cores can have many. Articles have 3 kB; four uploads run at once. A line for
each number of replicas: the articles settled in a second, of the most that these replicas could
take; processor time of client, gateway, replicas and persister together, in cores. Ends with

    replicas=N of_ideal=XX% cores=X.X

for the largest number that was reached with at least 95 %.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import psutil
import uvloop
import waiting
from newstally import Article, NewstallyClient, Progress
from support.trio import Trio

BENCH = Path(__file__).resolve().parent
ARTICLE_BYTES = 3_000
UPLOADS = 4
WARM_UP_SECONDS = 2.0
GOAL = 0.95


async def settled_per_second(address: str, seconds: float) -> tuple[float, float]:
    """Upload for so long; return articles settled in a second, and when it was measured."""
    article = Article("The Bench", ("Angela Merkel met nobody in Rome. " * 100)[:ARTICLE_BYTES])
    began = time.monotonic()
    ends, offsets = began + WARM_UP_SECONDS + seconds, [0] * UPLOADS
    at_first: list[int] = []

    async def articles() -> AsyncIterator[Article]:
        while time.monotonic() < ends:
            yield article

    async def upload(client: NewstallyClient, number: int) -> None:
        def note(event: object) -> None:
            if isinstance(event, Progress) and time.monotonic() < ends:
                offsets[number] = event.upload.next_offset

        await client.upload(articles(), on_event=note)

    async def look() -> None:
        await asyncio.sleep(WARM_UP_SECONDS)
        at_first.extend(offsets)

    async with NewstallyClient(address) as client, asyncio.TaskGroup() as group:
        group.create_task(look())
        for number in range(UPLOADS):
            group.create_task(upload(client, number))
    return (sum(offsets) - sum(at_first)) / seconds, time.monotonic() - began


def processor_seconds(pids: list[int]) -> float:
    """Return what these processes and this one have used so far."""
    times = [psutil.Process(pid).cpu_times() for pid in (*pids, os.getpid())]
    return sum(each.user + each.system for each in times)


def measure(replicas: int, seconds: float) -> tuple[float, float]:
    """Return articles settled in a second, and cores used."""
    flags = ("--engine", "waiting:engine")
    with (
        tempfile.TemporaryDirectory(prefix="newstally-bench-") as directory,
        Trio(Path(directory), extractors=replicas, extractor_flags=flags) as trio,
    ):
        pids = [process.pid for process in trio.processes]
        before = processor_seconds(pids)
        rate, took = uvloop.run(settled_per_second(trio.gateway.address, seconds))
        return rate, (processor_seconds(pids) - before) / took


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="More and more replicas behind one gateway.")
    parser.add_argument("--replicas", default="1,2,4,8,16,32")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--bytes-per-second", type=float, default=660_000)
    options = parser.parse_args()
    # The services inherit both.
    os.environ[waiting.BYTES_VARIABLE] = str(options.bytes_per_second)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(BENCH), os.environ.get("PYTHONPATH", "")])
    one = options.bytes_per_second / ARTICLE_BYTES
    best = "no number of replicas reached it"
    for replicas in map(int, options.replicas.split(",")):
        rate, cores = measure(replicas, options.seconds)
        ideal = rate / (one * replicas)
        print(f"replicas={replicas} articles/s={rate:.0f} of_ideal={ideal:.0%} cores={cores:.2f}")
        sys.stdout.flush()
        if ideal >= GOAL:
            best = f"replicas={replicas} of_ideal={ideal:.0%} cores={cores:.1f}"
    print(best)


if __name__ == "__main__":
    main()
