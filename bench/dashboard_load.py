"""Measure the dashboard while an upload runs on the same machine: `make bench-dashboard`.

    python bench/dashboard_load.py ARTICLES [--rows N] [--readers 50] [--turns 4] [--seconds 30]
        [--alone]

A store with a million rows by day, the trio with two extractors, one dashboard, and `newstally
upload` of ARTICLES, again and again. Turns with readers and turns without follow
each other, so that what else the machine does meets both alike. Each reader opens a page every five
seconds, one of a mix; half of them keep what they have seen and ask with validators, as browsers
do. Before that, dashboards are started anew: how long their first page takes. Of each turn it says
what every process took of a processor, the readers included: `readers` is this process, which
takes what browsers would on machines of their own. With `--alone` there is no upload, and every
turn has readers: then it says what a page takes.

Ends with the line

    pages p50=X ms p95=Y ms first=Z ms kept=W% failed=N

times from the request to the last byte; of the first pages the slowest; how much of its rate the
upload keeps beside the readers, the median over neighbouring turns.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from dashboard_readers import Told, Visits, crowd, first_page
from dashboard_store import fill
from processor_time import spent
from support.dashboard import DashboardProcess, dashboard_process
from support.processes import Process
from support.trio import Trio

WARM_SECONDS = 15.0
"""An upload has its pace by then."""
FIRST_PAGES = 3


@contextlib.contextmanager
def uploading(target: str, articles: Path, scratch: Path) -> Iterator[None]:
    """Upload the articles again and again until the block is left."""
    command = [sys.executable, "-m", "newstally", "upload", str(articles), "--again"]
    command += ["--target", target, "--state-dir", str(scratch / "states")]
    stop = threading.Event()

    def repeat() -> None:
        with (scratch / "upload.log").open("wb") as log:
            while not stop.is_set():
                with subprocess.Popen(command, stdout=log, stderr=log) as process:
                    while process.poll() is None and not stop.wait(0.2):
                        pass
                    process.kill()

    repeating = threading.Thread(target=repeat)
    repeating.start()
    try:
        yield
    finally:
        stop.set()
        repeating.join()


def settled(gateway: Process) -> float:
    """Return how many articles the gateway has settled so far."""
    return gateway.metric("newstally_gateway_settled_articles_total")


def used(trio: Trio, dashboard: Process) -> dict[str, float]:
    """Return the seconds of processor time that each kind of process has had so far."""
    return {
        "dashboard": spent(dashboard.pid),
        "gateway": spent(trio.gateway.pid),
        "persister": spent(trio.persister.pid),
        "extractors": sum(spent(each.pid) for each in trio.extractors),
        "readers": time.process_time(),
    }


async def turn(
    trio: Trio, dashboard: DashboardProcess, readers: int, seconds: float, *, alone: bool
) -> tuple[float, Visits]:
    """Return articles per second, and what the readers saw."""
    visits = Visits()
    took, before, began = used(trio, dashboard), settled(trio.gateway), time.perf_counter()
    await crowd(dashboard.base, readers, seconds, visits)
    lasted = time.perf_counter() - began
    rate = (settled(trio.gateway) - before) / lasted
    took = {name: after - took[name] for name, after in used(trio, dashboard).items()}
    pages = len(visits.times(Told.PAGE))
    shares = ", ".join(
        f"{name} {1000 * each / pages:.1f} ms a page" if alone else f"{name} {each / lasted:.0%}"
        for name, each in took.items()
    )
    print(f"{readers} readers: {rate:.0f} articles/s {visits}\n    {shares}", flush=True)
    return rate, visits


def first_pages(trio: Trio, scratch: Path) -> list[float]:
    """Start dashboards anew; return the seconds that each took to answer its first page."""
    took = []
    for number in range(FIRST_PAGES):
        with dashboard_process(trio.gateway.address, scratch / f"first-{number}.log") as process:
            took.append(first_page(process.base))
    return took


def measure(options: argparse.Namespace, scratch: Path) -> str:
    """Return the last line."""
    store = options.keep or scratch / "tallies.db"
    if not store.exists():
        print(f"{fill(store, options.rows):,} rows", flush=True)
    flags = ["--sqlite-path", str(store)]
    seen, kept, rates = Visits(), [], {True: 0.0, False: 0.0}
    with contextlib.ExitStack() as stack:
        trio = stack.enter_context(
            Trio(scratch / "trio", persister_flags=flags, extractor_flags=())
        )
        if not options.alone:
            stack.enter_context(uploading(trio.gateway.address, options.articles, scratch))
            time.sleep(WARM_SECONDS)
            if not settled(trio.gateway):
                log = (scratch / "upload.log").read_text()
                raise RuntimeError(f"nothing comes in: {log[-2000:]}")
        first = first_pages(trio, scratch)
        print("first pages:", ", ".join(f"{1000 * each:.0f} ms" for each in first), flush=True)
        with dashboard_process(trio.gateway.address, scratch / "dashboard.log") as process:
            for number in range(2 * options.turns):
                beside = options.alone or bool(number % 2)
                readers = options.readers if beside else 0
                rates[beside], visits = asyncio.run(
                    turn(trio, process, readers, options.seconds, alone=options.alone)
                )
                seen.add(visits)
                if beside and not options.alone:
                    kept.append(rates[True] / rates[False])
    pages = quantiles(seen.times(Told.PAGE), n=100)
    print(seen.table())
    share = f"{100 * median(kept):.0f}%" if kept else "-"
    return (
        f"pages p50={1000 * pages[49]:.0f} ms p95={1000 * pages[94]:.0f} ms"
        f" first={1000 * max(first):.0f} ms kept={share} failed={seen.failed}"
    )


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Measure the dashboard beside an upload.")
    parser.add_argument("articles", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="use this store, and make it if it is not there")
    parser.add_argument("--alone", action="store_true", help="without an upload")
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=30.0)
    with tempfile.TemporaryDirectory(prefix="newstally-dashboard-") as scratch:
        print(measure(parser.parse_args(), Path(scratch)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
