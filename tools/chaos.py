"""`make chaos`: kill everything at random while articles flow, then recount.

    CHAOS_SECONDS=1800 CHAOS_SEED=7 CHAOS_SINK=sqlite make chaos CHAOS_FLAGS=--secure
    CHAOS_SINK=compact make chaos    # Firestore, in that layout, with small documents
    CHAOS_EVERY=0.8 CHAOS_SECONDS=300 make chaos

Real processes: a gateway, one to four extractors (rule-based engine), a persister and `newstally
upload`. For the given time each is killed with -9 (or told to stop, and drains) at moments that the
seed decides, and started again, or held for a while (SIGSTOP); extractors are added and taken away;
the persister's disk, a small file system of its own, is filled to the last byte or nearly; with the
Firestore sink the connection to the emulator is cut, too; with --secure all ports speak TLS, and
certificates are renewed, or junk for a while. CHAOS_EVERY strikes every so many seconds, whoever is
still starting. Then everything is left in peace, for as long as something moves, until the last
upload is applied, and the sink is read. Every article mentions one entity that no other has:
missing, it was lost; with more than one mention, it was counted twice. All other tallies, and those
of each day, have to equal a plain recount as well, and no article may have been refused. The last
line is

    kills=N articles=N lost=0 double=0

and the exit code is 0 only with those zeros.
"""

import argparse
import asyncio
import contextlib
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chaos_harms import HEADROOM_BYTES, LEFT_BYTES, Disk, Pause, Renewal, own_disk
from chaos_judge import PROJECT, judge, judge_days, wait_applied
from chaos_peace import Peace, moved_in
from chaos_replicas import LOOKUP_SECONDS, MOST, Replicas, can_be_listed, drain
from chaos_uploads import Uploader
from newstally_persister.sinks.firestore.making import LIMITS_VARIABLE
from support import engines, firestore_emulator
from support.certificates import secure
from support.line import Line
from support.processes import Process
from support.trio import Trio

PAUSE_SECONDS = (0.5, 6.0)
"""Between two strikes."""
DOWN_SECONDS = (0.0, 2.0)
"""How long what was killed stays away."""
GENTLE_SHARE = 0.15
"""Of those who would be killed, who is told to stop instead."""
SLEEP_MILLIS = {"sqlite": "2", "firestore": "40", "compact": "10"}
"""Per article and sink, so that every kill meets work under way, and so that the emulator, which
sorts a whole collection for each page of a list, can still be read at the end of half an hour."""

SMALL_LIMITS = "log_bytes=40000,leaf_bytes=20000,leaf_rows=200,commit_bytes=200000"
"""Of the documents of the compact layout: so small that logs are closed and folded all the time."""


class Chaos:
    """Decides, from a seed, whom to strike next, and how."""

    def __init__(
        self,
        trio: Trio,
        replicas: Replicas | None,
        uploader: Uploader,
        others: list["Line | Disk | Renewal"],
        dice: random.Random,
        every_seconds: float,
    ) -> None:
        """`replicas`: None if they are always the same; `every_seconds`: 0 for now and then."""
        self._random = dice
        self._trio = trio
        self._replicas = replicas
        self._uploader = uploader
        self._others = others
        self._every = every_seconds
        self._pause = Pause(lambda: self._random.choice(self._processes()))
        self.kills = 0
        self.by_kind: Counter[str] = Counter()

    def rage(self, seconds: float) -> None:
        """Strike and mend for that long, and leave everything running."""
        until = time.monotonic() + seconds
        shown = time.monotonic()
        while time.monotonic() < until and self._uploader.failure is None:
            time.sleep(self._every or self._random.uniform(*PAUSE_SECONDS))
            self._strike()
            if time.monotonic() - shown > 60:
                shown = time.monotonic()
                print(
                    f"kills={self.kills} uploads={self._uploader.uploads} "
                    f"left={max(0, round(until - shown))}s",
                    flush=True,
                )
        for process in self._processes():
            self._revive(process)
            process.wait_serving()

    def _processes(self) -> list[Process]:
        """Return who shall run now."""
        extractors = self._trio.extractors if self._replicas is None else self._replicas.listed
        return [self._trio.persister, *extractors, *self._trio.gateways]

    def _strike(self) -> None:
        everybody: list[Victim] = [
            *self._processes(),
            *filter(None, [self._replicas]),
            *self._others,
            self._uploader,
            self._pause,
        ]
        victims = self._random.sample(everybody, k=1 + (self._random.random() < 0.2))
        # These are mended first: nobody can be started with junk for a certificate, or on a full
        # disk.
        victims.sort(
            key=lambda victim: (not isinstance(victim, Renewal), not isinstance(victim, Disk))
        )
        full = any(isinstance(victim, Disk) for victim in victims)
        down = 0.0 if self._every else self._random.uniform(*DOWN_SECONDS)
        gentle = self._random.random() < GENTLE_SHARE and not full
        for victim in victims:
            self.kills += 1
            self._harm(victim, gentle)
        time.sleep(down)
        for victim in victims:
            self._mend(victim)

    def _harm(self, victim: "Victim", gentle: bool) -> None:
        match victim:
            case Line():
                self.by_kind["line cut"] += 1
                victim.cut()
            case Disk():
                self.by_kind["disk filled"] += 1
                victim.fill()
            case Pause():
                self.by_kind["held"] += 1
                victim.begin()
            case Renewal():
                self.by_kind["certificates renewed"] += 1
                victim.begin()
            case Replicas():
                victim.change()
            case Process() if gentle and victim.running:
                self.by_kind[f"{victim.module} drained"] += 1
                drain(victim)
            case Process():
                self.by_kind[f"{victim.module} killed"] += 1
                victim.kill()
            case Uploader():
                self.by_kind["client killed"] += 1
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
            case Process() if victim in self._processes():  # not taken away meanwhile
                self._revive(victim)
            case _:
                pass

    def _revive(self, process: Process) -> None:
        """Start it where it was killed, or ended by itself as it may on a full disk."""
        if not process.running:
            process.kill()
            process.launch()
            if not self._every:
                process.wait_serving()


Victim = Process | Uploader | Line | Disk | Pause | Renewal | Replicas


@contextlib.contextmanager
def prepare_sink(name: str) -> Iterator[tuple[list[str], dict[str, str], Line | None]]:
    """Give the persister's flags, its environment, and the line to the sink that can be cut."""
    match name:
        case "sqlite":
            yield [], {}, None
        case "firestore" | "compact":
            if (reason := firestore_emulator.missing()) is not None:
                raise SystemExit(reason)
            with Line(firestore_emulator.running()) as line:
                environment = {
                    "FIRESTORE_EMULATOR_HOST": line.address,
                    "GOOGLE_CLOUD_PROJECT": PROJECT,
                }
                flags = ["--sink", "firestore"]
                if name == "compact":
                    flags += ["--firestore-layout", "compact"]
                    environment[LIMITS_VARIABLE] = SMALL_LIMITS
                yield flags, environment, line
        case _:
            raise SystemExit(f"CHAOS_SINK={name}: sqlite, firestore or compact")


def main() -> int:
    """Run as environment and command line say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secure", action="store_true", help="with keys, TLS and mTLS")
    options = parser.parse_args()
    seconds = float(os.environ.get("CHAOS_SECONDS", "60"))
    every = float(os.environ.get("CHAOS_EVERY", "0"))
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
        dice = random.Random(seed)
        small = ["--journal-headroom-bytes", str(HEADROOM_BYTES)]
        secured = secure(directory / "secure") if options.secure else None
        prepared = Trio(
            directory,
            extractors=MOST,
            persister_flags=[*flags, *small],
            gateway_flags=secured.gateway_flags if secured is not None else (),
            certificates=secured.folder if secured is not None else None,
        )
        for extractor in prepared.extractors:
            extractor.environment[engines.SLEEP_VARIABLE] = SLEEP_MILLIS[name]
        prepared.persister.environment.update(environment)
        replicas = None
        if can_be_listed():
            replicas = Replicas(prepared.extractors, directory / "hosts", dice)
            prepared.list_extractors(replicas.target, LOOKUP_SECONDS, replicas.listed)
            prepared.gateway.prefix = replicas.prefix
        with prepared as trio:
            target = trio.gateway.address
            uploader = Uploader(directory, target, secured, seed)
            others: list[Line | Disk | Renewal] = [] if line is None else [line]
            if place is not None:
                others.append(Disk(place, lambda: dice.choice(LEFT_BYTES)))
            if secured is not None:
                others.append(Renewal(secured.folder, lambda: dice.random() < 0.5))
            chaos = Chaos(trio, replicas, uploader, others, dice, every)
            uploader.start()
            try:
                chaos.rage(seconds)
            finally:
                peace = Peace(partial(moved_in, trio.persister))
                uploader.finish(peace)
            if uploader.failure is not None:
                print(uploader.failure)
                return 1
            access = secured.access if secured is not None else None
            refused = asyncio.run(wait_applied(target, access, uploader.uploads, peace))
            lost, double, other = judge(uploader.articles, target, access)
            other += judge_days(uploader.articles, name, directory / "data")
    for difference in other[:20]:
        print(difference)
    print({**chaos.by_kind, **(replicas.changes if replicas else {})})
    if refused:
        print(f"{refused} articles were refused, and all are innocent")
    print(
        f"kills={chaos.kills} articles={len(uploader.articles)} lost={lost} double={double}",
        flush=True,
    )
    return 1 if lost or double or other or refused else 0


if __name__ == "__main__":
    sys.exit(main())
