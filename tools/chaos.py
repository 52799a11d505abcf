"""`make chaos`: kill everything at random while articles flow, then recount.

    CHAOS_SECONDS=1800 CHAOS_SEED=7 CHAOS_SINK=sqlite make chaos CHAOS_FLAGS=--secure

Real processes: a gateway, two extractors (rule-based engine), a persister and `newstally upload`.
For the given time each is killed with -9 (or told to stop) at moments that the seed decides, and
started again, or held for a while (SIGSTOP); the persister's disk, a small file system of its own,
is filled to the last byte or nearly; with the Firestore sink the connection to the emulator is cut,
too; with --secure all ports speak TLS, and certificates are renewed, or junk for a while. Then
everything is left in peace, the last upload ends, and the sink is read. Every article
mentions one entity that no other has: missing, it was lost; with more than one mention, it was
counted twice. All other tallies have to equal a plain recount as well. The last line is

    kills=N articles=N lost=0 double=0

and the exit code is 0 only with those zeros.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chaos_harms import HEADROOM_BYTES, LEFT_BYTES, Disk, Pause, Renewal, own_disk
from chaos_judge import PEACE_SECONDS, judge, wait_applied
from newstally import Article
from support import engines, firestore_emulator
from support.certificates import Secured, secure
from support.corpus import make_articles
from support.line import Line
from support.processes import Process
from support.trio import Trio

UPLOAD_ARTICLES = 3_000
PAUSE_SECONDS = (0.5, 6.0)
"""Between two kills."""
DOWN_SECONDS = (0.0, 2.0)
"""How long what was killed stays away."""
SLEEP_MILLIS = {"sqlite": "2", "firestore": "40"}
"""Per article and sink, so that every kill meets work under way, and so that the emulator, which
sorts a whole collection for each page of a list, can still be read at the end of half an hour."""


def make_upload(number: int, seed: int) -> list[Article]:
    """Return the articles of an upload; each mentions an entity of its own."""
    return [
        Article(
            article.publication,
            f"{article.content} Single{number}x{index}",
            article.article_id,
        )
        for index, article in enumerate(make_articles(UPLOAD_ARTICLES, seed * 100_003 + number))
    ]


class Uploader:
    """Uploads file after file with the command line tool, which may be killed at any time."""

    def __init__(self, directory: Path, target: str, secured: Secured | None, seed: int) -> None:
        self._flags = secured.client_flags if secured is not None else []
        self._directory = directory
        self._target = target
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._last = threading.Event()
        self.articles: list[Article] = []
        self.uploads = 0
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="uploader")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kill(self) -> None:
        """Kill -9 of the client; it is run again with --resume."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def finish(self) -> None:
        """Let the upload under way be the last one, and wait for it."""
        self._last.set()
        self._thread.join(PEACE_SECONDS)
        if self._thread.is_alive():
            self.failure = f"the last upload does not end within {PEACE_SECONDS:g} s"
            self.kill()
            self._thread.join()

    def _run(self) -> None:
        while not self._last.is_set() and self.failure is None:
            number = self.uploads
            self.uploads += 1
            articles = make_upload(number, self._seed)
            self.articles += articles
            path = self._directory / f"upload-{number}.jsonl"
            with path.open("w") as out:
                for article in articles:
                    row = {"publication": article.publication, "content": article.content}
                    out.write(json.dumps(row) + "\n")
            self._upload(path, f"chaos-{number}")
            path.unlink()

    def _upload(self, path: Path, upload_id: str) -> None:
        command = [
            *(sys.executable, "-m", "newstally", "upload", str(path), "--upload-id", upload_id),
            "--wait",  # a gateway may be away when a client begins
            *("--target", self._target, "--state-dir", str(self._directory / "state")),
            *self._flags,
        ]
        log = self._directory / "client.log"
        while self.failure is None:
            state = list((self._directory / "state").glob("**/*"))
            known = any(upload_id in each.read_text() for each in state if each.is_file())
            with log.open("ab") as sink:
                self._process = subprocess.Popen(
                    [*command, *(["--resume"] if known else [])], stdout=sink, stderr=sink
                )
                code = self._process.wait()
            if code == 0:
                return
            if code != -signal.SIGKILL:
                self.failure = f"newstally upload ended with {code}: {log.read_text()[-500:]}"


class Chaos:
    """Decides, from a seed, whom to kill next."""

    def __init__(
        self,
        trio: Trio,
        uploader: Uploader,
        line: Line | None,
        place: Path | None,
        secured: Secured | None,
        seed: int,
    ) -> None:
        """`place` is the persister's disk, if it has one of its own."""
        self._random = random.Random(seed)
        self._trio = trio
        self._uploader = uploader
        self._everybody: list[Victim] = [*trio.processes, uploader]
        self._everybody.append(Pause(lambda: self._random.choice(trio.processes)))
        if line is not None:
            self._everybody.append(line)
        if place is not None:
            self._everybody.append(Disk(place, lambda: self._random.choice(LEFT_BYTES)))
        if secured is not None:
            self._everybody.append(Renewal(secured.folder, lambda: self._random.random() < 0.5))
        self.kills = 0
        self.by_kind: Counter[str] = Counter()

    def rage(self, seconds: float) -> None:
        """Kill and revive for that long, and leave everything running."""
        until = time.monotonic() + seconds
        shown = time.monotonic()
        while time.monotonic() < until and self._uploader.failure is None:
            time.sleep(self._random.uniform(*PAUSE_SECONDS))
            self._strike()
            if time.monotonic() - shown > 60:
                shown = time.monotonic()
                print(
                    f"kills={self.kills} uploads={self._uploader.uploads} "
                    f"left={max(0, round(until - shown))}s",
                    flush=True,
                )

    def _strike(self) -> None:
        victims = self._random.sample(self._everybody, k=1 + (self._random.random() < 0.2))
        # The disk is filled first and emptied first: nobody can be started on a full one.
        # So are certificates: nobody can be started with junk.
        victims.sort(key=lambda victim: not isinstance(victim, Disk | Renewal))
        full = isinstance(victims[0], Disk)
        down = self._random.uniform(*DOWN_SECONDS)
        gentle = self._random.random() < 0.15 and not full
        for victim in victims:
            self.kills += 1
            self.by_kind[type(victim).__name__] += 1
            self._harm(victim, gentle)
        time.sleep(down)
        for victim in victims:
            self._mend(victim)

    def _harm(self, victim: "Victim", gentle: bool) -> None:
        match victim:
            case Line():
                victim.cut()
            case Disk():
                victim.fill()
            case Pause() | Renewal():
                victim.begin()
            case Process() if gentle and victim.running:
                code = victim.terminate()
                if code:
                    raise RuntimeError(f"{victim.module} ended with {code} on SIGTERM")
            case _:
                victim.kill()

    def _mend(self, victim: "Victim") -> None:
        match victim:
            case Line():
                victim.mend()
            case Disk():
                victim.empty()
                self._revive(self._trio.persister)
            case Pause() | Renewal():
                victim.end()
            case Process():
                self._revive(victim)
            case Uploader():
                pass

    def _revive(self, process: Process) -> None:
        """Start it where it was killed, or ended by itself as it may on a full disk."""
        if not process.running:
            process.kill()
            process.start()


Victim = Process | Uploader | Line | Disk | Pause | Renewal


@contextlib.contextmanager
def prepare_sink(name: str) -> Iterator[tuple[list[str], dict[str, str], Line | None]]:
    """Give the persister's flags, its environment, and the line to the sink that can be cut."""
    match name:
        case "sqlite":
            yield [], {}, None
        case "firestore":
            if (reason := firestore_emulator.missing()) is not None:
                raise SystemExit(reason)
            with Line(firestore_emulator.running()) as line:
                environment = {
                    "FIRESTORE_EMULATOR_HOST": line.address,
                    "GOOGLE_CLOUD_PROJECT": "newstally-chaos",
                }
                yield ["--sink", "firestore"], environment, line
        case _:
            raise SystemExit(f"CHAOS_SINK={name}: sqlite or firestore")


def main() -> int:
    """Run as environment and command line say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secure", action="store_true", help="with keys, TLS and mTLS")
    options = parser.parse_args()
    seconds = float(os.environ.get("CHAOS_SECONDS", "60"))
    seed = int(os.environ.get("CHAOS_SEED", str(time.time_ns() % 10**6)))
    name = os.environ.get("CHAOS_SINK", "sqlite")
    print(f"chaos: {seconds:g} s, seed {seed}, sink {name}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="newstally-chaos-") as scratch,
        prepare_sink(name) as (flags, environment, line),
        contextlib.ExitStack() as stack,
    ):
        directory = Path(scratch)
        place = stack.enter_context(own_disk(directory / "data"))
        small = ["--journal-headroom-bytes", str(HEADROOM_BYTES)]
        secured = secure(directory / "secure") if options.secure else None
        prepared = Trio(
            directory,
            extractors=2,
            persister_flags=[*flags, *small],
            gateway_flags=secured.gateway_flags if secured is not None else (),
            certificates=secured.folder if secured is not None else None,
        )
        for extractor in prepared.extractors:
            extractor.environment[engines.SLEEP_VARIABLE] = SLEEP_MILLIS[name]
        prepared.persister.environment.update(environment)
        with prepared as trio:
            target = trio.gateway.address
            uploader = Uploader(directory, target, secured, seed)
            chaos = Chaos(trio, uploader, line, place, secured, seed)
            uploader.start()
            try:
                chaos.rage(seconds)
            finally:
                uploader.finish()
            if uploader.failure is not None:
                print(uploader.failure)
                return 1
            access = secured.access if secured is not None else None
            asyncio.run(wait_applied(target, access, uploader.uploads))
            lost, double, other = judge(uploader.articles, target, access)
    for difference in other[:20]:
        print(difference)
    print(dict(chaos.by_kind))
    print(
        f"kills={chaos.kills} articles={len(uploader.articles)} lost={lost} double={double}",
        flush=True,
    )
    return 1 if lost or double or other else 0


if __name__ == "__main__":
    sys.exit(main())
