"""Measure what metrics, status and traces take of the services' processor time, per article.

    python bench/observing.py ARTICLES [--rounds N] [--count N] [--pipeline]

Two trios of this tree run all the time and take turns, each with the same articles from the same
client. Of one, every second the metrics of all services are scraped and the gateway's status is
asked for, and it sends traces, as they are by default, to a collector in this process. The other
one is not looked at, sends no traces, and what counts and times in it does nothing: its metrics are
replaced by nothing when its processes begin. Ends with

    gateway=+X.X% extractor=+X.X% persister=+X.X% all=+X.X% spans=N

the median of the rounds, more than without; and how many spans came.
"""

import argparse
import contextlib
import itertools
import os
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import grpc
from newstally import Article
from newstally_protos.v1.status_pb2 import GetStatusRequest
from newstally_protos.v1.status_pb2_grpc import StatusServiceStub
from processor_time import SERVICES, Side, Used, describe
from recount import read
from support.otlp_receiver import OtlpReceiver
from support.processes import REPOSITORY
from support.trio import RULES, Trio

EVERY_SECONDS = 1.0
SETTLED = "newstally_persister_articles_total"
NOTHING = '''
"""Imported by Python when it begins: nothing is counted or timed from here on."""
import prometheus_client as metrics
from prometheus_client.metrics import MetricWrapperBase
from newstally_runtime.observing.recent import Rate, Sampled, Times

def nothing(*_, **__): pass
MetricWrapperBase.labels = lambda self, *_, **__: self
metrics.Counter.inc = metrics.Histogram.observe = metrics.Info.info = nothing
metrics.Gauge.set = metrics.Gauge.inc = metrics.Gauge.dec = nothing
Times.observe = Rate.add = Sampled.sample = nothing
'''


@contextlib.contextmanager
def observed(trio: Trio) -> Iterator[None]:
    """Scrape and ask, every second, while the `with` lasts."""
    over = threading.Event()

    def look() -> None:
        with grpc.insecure_channel(trio.gateway.address) as channel:
            status = StatusServiceStub(channel)
            while not over.wait(EVERY_SECONDS):
                for process in trio.processes:
                    url = f"http://127.0.0.1:{process.admin_port}/metrics"
                    with urllib.request.urlopen(url, timeout=10) as answer:
                        answer.read()
                status.GetStatus(GetStatusRequest(), timeout=10)

    looking = threading.Thread(target=look, name="observer")
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Measure what it costs to be observed.")
    parser.add_argument("articles", type=Path, help="JSON lines, also .gz")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=4000, help="articles in a turn")
    parser.add_argument("--pipeline", action="store_true", help="with the default pipeline")
    args = parser.parse_args()
    flags = [] if args.pipeline else ["--engine", RULES]
    found = itertools.islice(itertools.cycle(read(args.articles)), args.count)
    articles = [Article(publication, content) for publication, content in found]
    with (
        tempfile.TemporaryDirectory(prefix="newstally-bench-") as folder,
        OtlpReceiver() as collector,
    ):
        scratch = Path(folder)
        (scratch / "sitecustomize.py").write_text(NOTHING)
        without = Side(REPOSITORY, scratch / "without", flags)
        seen = Side(REPOSITORY, scratch / "seen", flags)
        for process in without.trio.processes:
            path = process.environment["PYTHONPATH"]
            process.environment["PYTHONPATH"] = os.pathsep.join([str(scratch), path])
        for process in seen.trio.processes:
            endpoint = collector.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
            process.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
        with without.trio, seen.trio:
            rounds: list[tuple[Used, Used]] = []
            for turn in range(args.rounds + 1):
                used: dict[Side, Used] = {}
                # Who comes first takes turns, too.
                for side in (without, seen) if turn % 2 else (seen, without):
                    looking = observed(side.trio) if side is seen else contextlib.nullcontext()
                    with looking:
                        used[side] = side.measure(articles, turn)
                if not turn:
                    continue  # to get warm
                rounds.append((used[without], used[seen]))
                print(f"  round {turn}: {describe(rounds[-1:])}", flush=True)
            counted = [each.trio.persister.metric(SETTLED) > 0 for each in (without, seen)]
            if counted != [False, True]:
                raise RuntimeError(f"what was to be compared is not: {counted}")
        print(f"median of {len(rounds)} rounds, microseconds per article: {describe(rounds)}")
        shares = (
            f"{name}={median(after[name] / before[name] for before, after in rounds) - 1:+.1%}"
            for name in (*SERVICES, "all")
        )
        print(*shares, f"spans={len(collector.spans())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
