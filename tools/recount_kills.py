"""One upload through a trio of which everything is killed now and then, for `make recount`."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chaos import prepare_sink
from chaos_judge import PROJECT
from stored_days import Days, of_firestore
from support import firestore_emulator
from support.line import Line
from support.processes import Process
from support.trio import Trio

PAUSE_SECONDS = (0.5, 4.0)
"""Between two strikes."""
DOWN_SECONDS = (0.0, 1.5)
"""How long what was killed stays away."""
KILLED = -9


class Client:
    """`newstally upload` until all is applied, however often it is killed."""

    def __init__(self, articles: Path, target: str, scratch: Path) -> None:
        """Its log goes to `client.log` in the scratch folder."""
        self._command = [
            *(sys.executable, "-m", "newstally", "upload", str(articles), "--wait-applied"),
            *("--wait", "--target", target, "--state-dir", str(scratch / "state")),
        ]
        self._log = scratch / "client.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="client")
        self.ended = threading.Event()
        self.code = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kill(self) -> None:
        """Kill -9; it is run again as it was."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def join(self) -> None:
        """Wait for its end. Raises RuntimeError where it was not a good one."""
        self._thread.join()
        if self.code:
            raise RuntimeError(f"upload ended with {self.code}: {self._log.read_text()[-2000:]}")

    def _run(self) -> None:
        try:
            while True:
                with self._log.open("ab") as log:
                    self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
                    self.code = self._process.wait()
                if self.code != KILLED:
                    return
        finally:
            self.ended.set()


Victim = Process | Client | Line


@contextmanager
def applied(
    articles: Path,
    scratch: Path,
    sink: str,
    extractors: int,
    extractor_flags: Sequence[str],
    seed: int | None,
) -> Iterator[tuple[str, int]]:
    """Upload the articles; give the gateway's address, and how often something was killed.

    By then all is applied, and nothing is killed any more. Without a seed nothing ever is.
    """
    with prepare_sink(sink) as (flags, environment, line):
        trio = Trio(
            scratch,
            extractors=extractors,
            persister_flags=flags,
            extractor_flags=extractor_flags,
        )
        trio.persister.environment.update(environment)
        with trio:
            client = Client(articles, trio.gateway.address, scratch)
            client.start()
            kills = 0
            try:
                if seed is not None:
                    victims: list[Victim] = [
                        *trio.processes,
                        client,
                        *([line] if line is not None else []),
                    ]
                    kills = strike(victims, client, random.Random(seed))
            finally:
                client.join()
            yield trio.gateway.address, kills


def documents() -> Days:
    """Read all that is in the emulator."""
    return of_firestore(PROJECT, firestore_emulator.running(), totals=True)


def strike(victims: Sequence[Victim], client: Client, dice: random.Random) -> int:
    """Kill one after the other until the client has ended; return how often."""
    kills = 0
    while not client.ended.wait(dice.uniform(*PAUSE_SECONDS)):
        victim = dice.choice(victims)
        kills += 1
        match victim:
            case Process():
                victim.kill()
                time.sleep(dice.uniform(*DOWN_SECONDS))
                victim.start()
            case Line():
                victim.cut()
                time.sleep(dice.uniform(*DOWN_SECONDS))
                victim.mend()
            case Client():
                victim.kill()
    return kills
