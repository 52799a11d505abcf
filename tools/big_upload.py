"""A large CSV is uploaded, and killed five times on the way: `make big-upload`.

The file is made first. `newstally upload` sends it to a gateway double that keeps the offset rules
and settles at once. It is killed with -9 at random moments, and the same command is said again. In
the end the recount must be equal: per publication the articles, and the sum of checksums of their
contents. Said once more the command says "already counted". Its memory, its first sign of life and
the longest time without one are measured.
"""

import argparse
import json
import random
import re
import select
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import psutil

TESTS = Path(__file__).resolve().parents[1] / "tests"
PUBLICATIONS = ("The Lantern", "Harbour Post", "Évening Wire", "Quadrat")
WORDS = (
    "the",
    "of",
    "Berlin",
    "Angela",
    "said,",
    "on",
    "Monday",
    '"water"',
    "rose;",
    "new\nline",
    "é",
)
MOST_BYTES = 200_000_000
MOST_SILENT_SECONDS = 15.0
"""Between two lines, of which a quiet upload has one every five seconds."""

Counts = dict[str, list[int]]


@dataclass(slots=True)
class Seen:
    """What was seen of one run of the command."""

    code: int | None
    """None: it was killed."""
    first_seconds: float
    """Until the first line; the whole run if there was none."""
    silent_seconds: float
    """The longest time without a line after that."""
    most_bytes: int
    """Resident memory at its highest."""
    out: str = ""


def main() -> None:
    """Print one line of figures; exit code 1 where something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Where the file is made; default: temporary.")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="newstally-big-", dir=options.folder) as scratch:
        path = Path(scratch, "big.csv")
        wanted = make(path, options.megabytes * 1_000_000, chance)
        articles = sum(number for number, _ in wanted.values())
        size = path.stat().st_size
        print(f"{articles:,} articles, {size / 1e6:,.0f} MB", flush=True)
        runs, again, counted = upload(path, Path(scratch, "states"), options.kills, chance)
    most = max(run.most_bytes for run in (*runs, again))
    first = max(run.first_seconds for run in (*runs, again))
    silent = max(run.silent_seconds for run in (*runs, again))
    equal = counted == wanted
    already = json.loads(again.out)["already_counted"] if again.code == 0 else False
    killed = sum(run.code is None for run in runs)
    print(
        f"killed={killed} equal={'yes' if equal else 'no'} already={'yes' if already else 'no'}"
        f" memory={most / 1e6:.0f}MB first={first:.1f}s silent={silent:.1f}s"
    )
    kept = most < MOST_BYTES and silent < MOST_SILENT_SECONDS
    if not (equal and already and kept and killed == options.kills and runs[-1].code == 0):
        sys.exit(1)


def make(path: Path, size_bytes: int, chance: random.Random) -> Counts:
    """Write a CSV of about that size, with quotes and line ends in it; return its sums."""
    counts: Counts = {}
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(50, 1000))) for _ in range(500)]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("id,source,text\n")
        number = 0
        while file.tell() < size_bytes if number % 1000 == 0 else True:
            publication = chance.choice(PUBLICATIONS)
            content = f"{number} {chance.choice(texts)}"
            counted = counts.setdefault(publication, [0, 0])
            counted[0] += 1
            counted[1] += zlib.crc32(content.encode())
            quoted = content.replace('"', '""')
            file.write(f'{number},{publication},"{quoted}"\n')
            number += 1
    return counts


def upload(
    path: Path, states: Path, kills: int, chance: random.Random
) -> tuple[list[Seen], Seen, Counts]:
    """Run the command until it is done, killed so often on the way, and once more."""
    gateway = subprocess.Popen(
        [sys.executable, "-m", "support.ready_gateway", "--recount"],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert gateway.stdout is not None
    try:
        target = gateway.stdout.readline().strip()
        command = [sys.executable, "-m", "newstally", "upload", str(path), "--target", target]
        command += ["--state-dir", str(states), "--json"]
        runs: list[Seen] = []
        for _ in range(kills):
            # While it reads for the first time, or while it sends.
            settled = chance.random() * 0.9
            runs.append(run(command, kill_at=settled if chance.random() < 0.8 else None))
        runs.append(run(command))
        again = run(command)
    finally:
        told, _ = gateway.communicate()
    return runs, again, json.loads(told)


def run(command: list[str], kill_at: float | None = -1.0) -> Seen:
    """Run the command to its end, or kill it.

    `kill_at` is the part of the articles that shall be settled by then; None: in the first pass;
    below 0: not at all. One that is done sooner is not killed.
    """
    begin = last = time.monotonic()
    seen = Seen(None, 0.0, 0.0, 0)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    measured = psutil.Process(process.pid)
    assert process.stderr is not None
    assert process.stdout is not None
    kill = False
    while not kill:
        ready, _, _ = select.select([process.stderr], [], [], 0.1)
        seen.most_bytes = max(seen.most_bytes, _resident(measured))
        line = process.stderr.readline().decode() if ready else ""
        now = time.monotonic()
        if line:
            seen.first_seconds = seen.first_seconds or now - begin
            seen.silent_seconds = max(seen.silent_seconds, now - last if last > begin else 0.0)
            last = now
            kill = _is_time(line, kill_at)
        elif ready or process.poll() is not None:
            break
    if kill:
        process.kill()
    seen.out = process.stdout.read().decode()
    code = process.wait()
    seen.code = None if kill else code
    process.stdout.close()
    process.stderr.close()
    seen.first_seconds = seen.first_seconds or time.monotonic() - begin
    return seen


def _is_time(line: str, kill_at: float | None) -> bool:
    if kill_at is None:
        return line.startswith("reading the input")
    match = re.match(r"settled ([\d,]+) of ([\d,]+) articles", line)
    if match is None or kill_at < 0:
        return False
    settled, total = (int(text.replace(",", "")) for text in match.groups())
    return settled >= kill_at * total


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main()
