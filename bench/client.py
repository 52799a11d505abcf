"""What the client itself costs: `make bench-client`.

Articles of 3 KB go from JSON Lines to a gateway that settles at once. Beside it runs a bare loop:
the generated stub, the same file, the same messages; no window, no retries, nothing to resume. The
command reads its input twice: to digest it, and to send it.
"""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from newstally import Article, NewstallyClient
from newstally.inputs import Columns, Source, survey
from newstally_protos.v1 import article_pb2, gateway_pb2, upload_pb2
from newstally_protos.v1.gateway_pb2_grpc import GatewayServiceStub
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub

TESTS = Path(__file__).resolve().parents[1] / "tests"
GOAL_PER_SECOND = 5_000


def main() -> None:
    """Print articles per second and processor time of each way, the best of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newstally-bench-") as scratch:
        path = Path(scratch, "articles.jsonl")
        write(path, options.articles)
        ways = {"bare": bare, "library": library, "command": command}
        best, least = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, float("inf"))
        for number in range(options.rounds):
            for name, way in ways.items():
                with ready_gateway() as target:
                    begin, worked = time.perf_counter(), processor_seconds()
                    settled = way(target, path, Path(scratch, f"states-{number}"))
                    rate = settled / (time.perf_counter() - begin)
                    cost = (processor_seconds() - worked) / settled
                assert settled == options.articles, f"{name} settled {settled}"
                best[name], least[name] = max(best[name], rate), min(least[name], cost)
                print(f"{name}: {rate:,.0f} articles/s, {cost * 1e3:.3f} ms of one core each")
        begin = time.perf_counter()
        survey(Source([path], Columns()))
        digested = options.articles / (time.perf_counter() - begin)
    print(f"the first pass of the command: {digested:,.0f} articles/s")
    told = " ".join(f"{name}={cost * 1e3:.3f}ms" for name, cost in least.items())
    print(f"processor time an article, the gateway's not included: {told}")
    print(
        f"bare={best['bare']:.0f}/s library={best['library']:.0f}/s command={best['command']:.0f}/s"
        f" library/bare={best['library'] / best['bare']:.2f} goal={GOAL_PER_SECOND}/s"
    )


def processor_seconds() -> float:
    """Return the processor time of this process and of the children that have ended.

    It says what a way costs also where other work runs beside it.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def write(path: Path, articles: int) -> None:
    """Write articles of about 3 KB, each another one."""
    vocabulary = ("the", "of", "Berlin", "Angela", "Merkel", "said", "on", "Monday", "that")
    words = random.Random(1).choices(vocabulary, k=700)
    text = " ".join(words)
    with path.open("w", encoding="utf-8") as file:
        for number in range(articles):
            article = {"publication": "The Daily", "content": f"{number} {text}"[:3000]}
            file.write(json.dumps(article | {"article_id": str(number)}) + "\n")


@contextmanager
def ready_gateway() -> Iterator[str]:
    """Run the gateway in a process of its own; give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "support.ready_gateway"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate()


def bare(target: str, path: Path, _states: Path) -> int:
    """Send the file with nothing but the stub."""

    async def send() -> int:
        async with grpc.aio.insecure_channel(target) as channel:
            wish = upload_pb2.CreateUploadRequest(upload_id="bare")
            await UploadServiceStub(channel).CreateUpload(wish)
            settled = 0
            async for response in GatewayServiceStub(channel).StreamArticles(messages(path)):
                settled = response.progress.upload.next_offset
            return settled

    return asyncio.run(send())


async def messages(path: Path) -> AsyncIterator[gateway_pb2.StreamArticlesRequest]:
    """Yield the requests for a file."""
    with path.open(encoding="utf-8") as file:
        for offset, line in enumerate(file):
            article = article_pb2.Article(**json.loads(line))
            yield gateway_pb2.StreamArticlesRequest(
                upload_id="bare", offset=offset, article=article
            )


def library(target: str, path: Path, _states: Path) -> int:
    """Send the file with the library."""

    async def send() -> int:
        async with NewstallyClient(target) as client:
            with path.open(encoding="utf-8") as file:
                upload = await client.upload(Article(**json.loads(line)) for line in file)
            return upload.next_offset

    return asyncio.run(send())


def command(target: str, path: Path, states: Path) -> int:
    """Send the file with `newstally upload`, its start included."""
    upload = ("upload", str(path), "--target", target, "--state-dir", str(states), "--json", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "newstally", *upload], check=True, stdout=subprocess.PIPE
    )
    return int(json.loads(done.stdout)["next_offset"])


if __name__ == "__main__":
    main()
