"""Measure the whole pipeline: `newstally upload` to settled, against `nlp.pipe(n_process=2)`.

    python bench/pipeline.py ARTICLES [--rounds 3] [--count N]

Both do the same articles with the same model on this machine, taking turns in one run, and must
count the same. Time is the wall clock's: for the pipeline, from starting the command to its end,
when every article is settled; for `nlp.pipe`, from the first text to the last count. Loading the
model counts for neither. Processor time is that of each service until the tallies are in the sink.
Ends with the line `newstally/nlp.pipe=X.XX overhead=Y% equal=yes`.
"""

import argparse
import asyncio
import json
import pickle
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import psutil
from local_trio import trio
from newstally import NewstallyClient
from recount import Counts, differences, read, stored

PLAIN = Path(__file__).resolve().parent / "plain.py"
EXTRACTORS = 2
BATCH_SIZES = (32, 128)
TRIED = 300
"""Articles on which the batch sizes are tried."""
APPLIED_SECONDS = 120
SERVICES = ("gateway", "extractor", "persister")
OVERHEAD = ("client", "gateway", "persister")


@dataclass(frozen=True)
class Run:
    """One turn of the pipeline."""

    seconds: float
    cpu: Mapping[str, float]
    """Seconds of processor time by service, from before the upload until all is applied."""
    counts: Counts


def services_cpu() -> dict[str, float]:
    """Return the processor time of the services that run below this process."""
    used = dict.fromkeys((*SERVICES, "launcher"), 0.0)
    for process in psutil.Process().children(recursive=True):
        command = " ".join(process.cmdline())
        name = next((name for name in SERVICES if f"newstally_{name}" in command), "launcher")
        times = process.cpu_times()
        used[name] += times.user + times.system
    return used


def children_cpu() -> float:
    """Return the processor time of the children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def wait_applied(target: str, upload_id: str) -> None:
    """Wait until the upload's tallies are in the sink. Raises TimeoutError."""
    async with asyncio.timeout(APPLIED_SECONDS), NewstallyClient(target) as client:
        while True:
            upload = await client.get_upload(upload_id)
            if upload.applied_offset >= upload.next_offset:
                return
            await asyncio.sleep(0.2)


def run_pipeline(articles: Path, scratch: Path, model: str) -> Run:
    """Upload through a fresh trio."""
    flags = ["--extractors", str(EXTRACTORS), "--model", model]
    with trio(scratch / "data", flags, scratch / "trio.log") as target:
        before, client_before = services_cpu(), children_cpu()
        began = time.monotonic()
        subprocess.run(
            [
                *(sys.executable, "-m", "newstally", "upload", str(articles)),
                *("--target", target, "--upload-id", "bench", "--state-dir", str(scratch)),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds = time.monotonic() - began
        client = children_cpu() - client_before
        asyncio.run(wait_applied(target, "bench"))
        cpu = {name: spent - before[name] for name, spent in services_cpu().items()}
        cpu["client"] = client
        return Run(seconds, cpu, asyncio.run(stored(target)))


def run_plain(
    articles: Path, scratch: Path, model: str, batch_size: int, limit: int | None = None
) -> tuple[float, Counts]:
    """Count with nlp.pipe on two processes; return the seconds and the counts."""
    out = scratch / "plain.pickle"
    command = [
        *(sys.executable, str(PLAIN), str(articles), str(out)),
        *("--model", model, "--batch-size", str(batch_size)),
        *(("--limit", str(limit)) if limit else ()),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    counts: Counts = pickle.loads(out.read_bytes())
    return float(done.stdout), counts


def parts(path: Path, scratch: Path, rounds: int, count: int | None) -> list[Path]:
    """Deal the articles out to as many files as there are rounds."""
    articles = list(read(path))[:count]
    files = []
    for turn in range(rounds):
        file = scratch / f"part{turn}.jsonl"
        lines = [
            json.dumps({"publication": publication, "content": content})
            for publication, content in articles[turn::rounds]
        ]
        file.write_text("\n".join(lines) + "\n")
        files.append(file)
    return files


def describe(runs: Sequence[Run]) -> float:
    """Print how the processor time divides; return the overhead's share of it."""
    used = {name: sum(run.cpu[name] for run in runs) for name in runs[0].cpu}
    total = sum(used.values())
    shares = ", ".join(f"{name} {100 * spent / total:.1f} %" for name, spent in used.items())
    print(f"processor time: {total:.1f} s; {shares}")
    return sum(used[name] for name in OVERHEAD) / total


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Compare the pipeline with nlp.pipe.")
    parser.add_argument("articles", type=Path, help="JSON lines, also .gz")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--rounds", type=int, default=3, help="how often both take turns")
    parser.add_argument("--count", type=int, default=None, help="only the first articles")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newstally-bench-") as folder:
        scratch = Path(folder)
        files = parts(args.articles, scratch, args.rounds, args.count)
        tried = {
            size: run_plain(files[0], scratch, args.model, size, TRIED)[0] for size in BATCH_SIZES
        }
        best = min(tried, key=tried.__getitem__)
        print(f"best batch size of nlp.pipe: {best} of {BATCH_SIZES}")
        runs, ratios, wrong = [], [], 0
        for turn, file in enumerate(files):
            own = scratch / str(turn)
            own.mkdir()
            run = run_pipeline(file, own, args.model)
            seconds, counts = run_plain(file, scratch, args.model, best)
            articles = sum(count.articles for count in counts.values())
            wrong += len(differences(counts, run.counts))
            runs.append(run)
            ratios.append(seconds / run.seconds)
            print(
                f"  round {turn + 1}: {articles} articles; newstally {run.seconds:.1f} s, "
                f"{articles / run.seconds:.0f}/s; nlp.pipe {seconds:.1f} s, "
                f"{articles / seconds:.0f}/s; {ratios[-1]:.2f}",
                flush=True,
            )
        overhead = describe(runs)
    print(
        f"newstally/nlp.pipe={median(ratios):.2f} overhead={100 * overhead:.1f}% "
        f"equal={'no' if wrong else 'yes'}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
