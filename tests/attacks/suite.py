"""Attacks beside an innocent upload whose tallies are recounted each time."""

import asyncio
import contextlib
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace

import psutil
from attacks.attacking import Attack
from newstally import Article, NewstallyClient, Progress
from support.processes import REPOSITORY
from support.trio import Trio

Tallies = dict[tuple[str, str], tuple[int, int]]
"""Mentions and articles by text and label."""

HEAD_START_SECONDS = 2.5
"""The attack is under way before the innocent comes, who needs a place, too."""
BACK_SECONDS = 5.0
"""How soon all has to be as before."""
MOST_MEGABYTES = 400
"""The gateway's memory at its peak."""
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack came to."""

    attack: Attack
    exact: bool
    """The innocent's tallies are those of a plain recount."""
    kept: float
    """Its throughput, of that beside a process that burns a core."""
    megabytes: int
    """The gateway's resident memory at its peak."""
    back_seconds: float
    """Until an article was taken again, after the attack."""

    @property
    def good(self) -> bool:
        """Whether everything is as it shall be."""
        return (
            self.exact
            and self.kept >= self.attack.share
            and self.megabytes <= MOST_MEGABYTES
            and self.back_seconds <= BACK_SECONDS
        )


class Suite:
    """Runs attacks on a trio, one after the other."""

    def __init__(
        self,
        trio: Trio,
        articles: Sequence[Article],
        seconds: float,
        seed: int,
        head_start_seconds: float = HEAD_START_SECONDS,
    ) -> None:
        """`articles`: what the innocent uploads over and over; each time `seconds` long."""
        self._head_start = head_start_seconds
        self._trio = trio
        self._articles = articles
        self._seconds = seconds
        self._seed = seed
        self._phases = 0
        self._once: Tallies = {}
        self._burnt = 0.0

    async def prepare(self) -> None:
        """Learn, in peace, what the articles come to."""
        await self._innocent(0.0)

    async def burn(self) -> None:
        """Measure the innocent's throughput beside a process that only burns a core."""
        with self._process("burn", self._seconds + self._head_start):
            self._burnt, _ = await self._innocent(self._seconds)
        assert self._burnt, "nothing was settled beside a burner: nothing can be compared with it"

    async def run(self, attack: Attack) -> Outcome:
        """Attack, upload beside it, recount, and see how soon all is well.

        Where nothing was burnt before, it is not known what was `kept`.
        """
        with Watch(self._trio.gateway.pid) as watch:
            with self._process(attack.name, self._seconds + self._head_start) as process:
                rate, exact = await self._innocent(self._seconds)
                await asyncio.to_thread(process.wait, PATIENCE_SECONDS)
            began = time.monotonic()
            exact &= (await self._innocent(0.0))[1]
            back = time.monotonic() - began
        kept = rate / self._burnt if self._burnt else math.nan
        return Outcome(attack, exact, kept, watch.megabytes, back)

    async def _innocent(self, seconds: float) -> tuple[float, bool]:
        """Upload for so long, at least all articles once.

        Return the articles settled in a second, and whether the tallies are exact.
        """
        self._phases += 1
        publication = f"Innocent {self._phases}"
        began = time.monotonic()
        settled = times = 0

        async def articles() -> AsyncIterator[Article]:
            nonlocal times
            while not times or time.monotonic() < began + seconds:
                times += 1
                for article in self._articles:
                    yield replace(article, publication=publication)

        def note(event: object) -> None:
            nonlocal settled
            if isinstance(event, Progress) and time.monotonic() <= began + seconds:
                settled = max(settled, event.upload.next_offset)

        async with NewstallyClient(self._trio.gateway.address) as client:
            async with asyncio.timeout(PATIENCE_SECONDS + seconds):
                upload_id = f"innocent-{self._seed}-{self._phases}"
                done = await client.upload(articles(), upload_id=upload_id, on_event=note)
                await applied(client, upload_id)
                found: Tallies = {
                    (tally.text, tally.label): (tally.mentions, tally.articles)
                    async for tally in client.entity_tallies(publication)
                }
        if not self._once:
            self._once = {key: (a // times, b // times) for key, (a, b) in found.items()}
        expected = {key: (a * times, b * times) for key, (a, b) in self._once.items()}
        exact = found == expected and done.counted == times * len(self._articles)
        return settled / seconds if seconds else 0.0, exact

    @contextlib.contextmanager
    def _process(self, name: str, seconds: float) -> Iterator["subprocess.Popen[str]"]:
        """An attacker of the same priority as everybody else, well under way."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "attacks.attacker", name),
                *("--gateway", str(self._trio.gateway.port)),
                *("--extractor", str(self._trio.extractors[0].port)),
                *("--seconds", str(seconds), "--seed", str(self._seed * 1_000 + self._phases)),
            ],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(self._head_start)
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


async def applied(client: NewstallyClient, upload_id: str) -> None:
    """Return when all that is settled is in the sink."""
    while True:
        upload = await client.get_upload(upload_id)
        if upload.applied_offset == upload.next_offset:
            return
        await asyncio.sleep(0.05)


class Watch:
    """The largest resident memory of a process while this is entered."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.megabytes = 0

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            self.megabytes = max(self.megabytes, self._process.memory_info().rss >> 20)
