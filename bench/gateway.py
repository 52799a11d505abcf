"""Measure one gateway process, beside a bare stream of grpc.aio, with and without security.

    python bench/gateway.py [--rounds 5] [--count 6000] [--streams 4] [--bytes 4096]

The same messages go, from the same client, to: a bare grpc.aio server that answers each; a gateway
whose extractors answer at once, with a real persister; the same with a key that has limits, TLS
towards the client and mTLS to the other services. All run all the time and take turns, so that what
else the machine does meets all alike. Processor time is that of the gateway's process, without
security. Ends with

    gateway/bare=X.XX articles/s=N cpu_ms=X.XX secure=X.XX

medians of the rounds: the gateway's rate by the bare one's; its rate; milliseconds of processor
time per article; and the rate with security by the one without.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import grpc
import psutil
import uvloop
from newstally.keys import make_key
from newstally_protos.keys import Limits
from newstally_protos.v1 import article_pb2, gateway_pb2, gateway_pb2_grpc, upload_pb2
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub
from newstally_protos.wire import connect
from support import certificates
from support.processes import Process

EXTRACTORS = 2
TURN_SECONDS = 300
LIMITS = Limits(
    articles_per_second=1e6,
    bytes_per_second=1e10,
    extractor_seconds_per_second=1e6,
    streams=1000,
)
"""Far above what can be reached, so that the counting is measured and not the waiting."""


@dataclass(frozen=True)
class Side:
    """Where the messages go."""

    name: str
    address: str
    pid: int
    key: str | None = None
    ca: bytes | None = None

    def processor_seconds(self) -> float:
        """Return what its process has used so far."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


@contextlib.contextmanager
def instant(*arguments: str) -> Iterator[tuple[str, int]]:
    """Run `bench/instant.py`; give its address and its process' id."""
    command = [sys.executable, str(Path(__file__).with_name("instant.py")), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process.pid
        process.stdin.close()


@contextlib.contextmanager
def gateway(scratch: Path, *, secure: bool) -> Iterator[Side]:
    """Run a gateway with its extractors and its persister."""
    scratch.mkdir()
    folder = certificates.make(scratch / "certificates") if secure else None
    keys, key = scratch / "keys.json", None
    if secure:
        key = make_key(keys, "bench", limits=LIMITS)
    with contextlib.ExitStack() as stack:

        def start(name: str, *flags: str) -> Process:
            given = certificates.flags(folder, name) if folder is not None else []
            process = Process(f"newstally_{name}", [*flags, *given], scratch / f"{name}.log")
            return stack.enter_context(process)

        chain = [str(folder.certificate("extractor")[0].parent)] if folder is not None else []
        extractors = [
            stack.enter_context(instant("extractor", *chain))[0] for _ in range(EXTRACTORS)
        ]
        persister = start("persister", "--data-dir", str(scratch / "data"))
        flags = ["--persister", persister.address, "--extractors", ",".join(extractors)]
        process = start("gateway", *flags, *(("--keys", str(keys)) if secure else ()))
        ca = folder.authority.read_bytes() if folder is not None else None
        yield Side("secure" if secure else "plain", process.address, process.pid, key, ca)


async def send(side: Side, count: int, streams: int, size: int, turn: int) -> float:
    """Send so many articles over so many streams; return articles per second."""
    credentials = None if side.ca is None else grpc.ssl_channel_credentials(side.ca)
    metadata = () if side.key is None else (("authorization", f"Bearer {side.key}"),)
    content = ("Angela Merkel met nobody in Rome. " * (size // 34 + 1))[:size]
    async with connect(side.address, credentials) as channel:
        names = [f"turn-{turn}-{number}" for number in range(streams)]
        if side.name != "bare":
            for name in names:
                wish = upload_pb2.CreateUploadRequest(upload_id=name)
                await UploadServiceStub(channel).CreateUpload(wish, metadata=metadata)
        began = time.perf_counter()
        async with asyncio.timeout(TURN_SECONDS), asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(one(channel, metadata, name, content, count // streams))
        return count / (time.perf_counter() - began)


async def one(
    channel: grpc.aio.Channel,
    metadata: Sequence[tuple[str, str]],
    name: str,
    content: str,
    count: int,
) -> None:
    """Send articles on one stream, and read until all are acknowledged."""
    call = gateway_pb2_grpc.GatewayServiceStub(channel).StreamArticles(metadata=metadata)

    async def write() -> None:
        article = article_pb2.Article(publication="The Bench", content=content)
        # When the stream ends early, reading tells why.
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for offset in range(count):
                await call.write(
                    gateway_pb2.StreamArticlesRequest(
                        upload_id=name, offset=offset, article=article
                    )
                )
            await call.done_writing()

    writing = asyncio.create_task(write())
    acknowledged = 0
    async for event in call:
        if event.WhichOneof("event") == "progress":
            acknowledged = event.progress.upload.next_offset
    if acknowledged != count:
        writing.cancel()
        code, details = await call.code(), await call.details()
        raise RuntimeError(f"{name}: {acknowledged} of {count} acknowledged: {code} {details}")
    await writing


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Measure one gateway process.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=6000, help="articles in a turn")
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--bytes", type=int, default=4096, help="of an article's content")
    args = parser.parse_args()
    rounds: list[dict[str, float]] = []
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newstally-bench-")))
        sides = [
            Side("bare", *stack.enter_context(instant("bare"))),
            stack.enter_context(gateway(scratch / "plain", secure=False)),
            stack.enter_context(gateway(scratch / "secure", secure=True)),
        ]
        for turn in range(args.rounds + 1):
            found: dict[str, float] = {}
            # Who comes first takes turns, too.
            for side in sides[turn % 3 :] + sides[: turn % 3]:
                before = side.processor_seconds()
                rate = uvloop.run(send(side, args.count, args.streams, args.bytes, turn))
                spent = side.processor_seconds() - before
                found[side.name] = rate
                found[f"{side.name} cpu_ms"] = 1000 * spent / args.count
            if turn:  # the first one is to get warm
                rounds.append(found)
                print(f"round {turn}: {describe(found)}", flush=True)
    middle = {name: median(each[name] for each in rounds) for name in rounds[0]}
    print(f"median of {len(rounds)} rounds: {describe(middle)}")
    beside_bare = median(each["plain"] / each["bare"] for each in rounds)
    secure = median(each["secure"] / each["plain"] for each in rounds)
    print(
        f"gateway/bare={beside_bare:.2f} articles/s={middle['plain']:.0f} "
        f"cpu_ms={middle['plain cpu_ms']:.2f} secure={secure:.2f}"
    )


def describe(found: dict[str, float]) -> str:
    """Return rates, and the processor time of each process, for people."""
    return ", ".join(
        f"{name} {found[name]:.0f}/s ({found[f'{name} cpu_ms']:.3f} ms)"
        for name in ("bare", "plain", "secure")
    )


if __name__ == "__main__":
    main()
