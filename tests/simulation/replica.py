"""An extractor replica: model batches, answers in any order, and many ways to go."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from newstally_gateway.core.tasks import Window
from newstally_protos.v1.extractor_pb2 import Result
from simulation.corpus import Sample
from simulation.kernel import Life
from simulation.network import Status, Stream
from simulation.scenario import HARD_LIMIT

if TYPE_CHECKING:
    from simulation.world import World

BATCH_ARTICLES = 4


class Work(NamedTuple):
    """One attempt, as it is on the wire."""

    id: int
    content: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who the replica is and how much it takes."""

    instance_id: str
    window: Window


@dataclass(frozen=True, slots=True)
class Started:
    """A model batch begins."""

    ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Results:
    """Work was answered."""

    results: Sequence[Result]


@dataclass(frozen=True, slots=True)
class Draining:
    """The sender goes away."""


class ReplicaLink:
    """The replica's end of one link."""

    def __init__(self, replica: "Replica", stream: Stream) -> None:
        self._replica = replica
        self.life = Life(replica.life)
        self.stream = stream
        self.seen: set[int] = set()
        """Attempts that came on it. Lower ones that did not are not its own."""

    def received(self, message: Sequence[Work]) -> None:
        """Take work."""
        self.seen.update(work.id for work in message)
        self._replica.take(self, message)

    def ended(self, status: Status | None) -> None:
        """Drop the link's work."""
        self._replica.drop(self)


class Replica:
    """One process after the other at one address."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._kernel = world.kernel
        self.name = name
        self.life = Life()
        self._incarnation = 0
        self._links: list[ReplicaLink] = []
        self._inbox: deque[tuple[ReplicaLink, Work]] = deque()
        self._busy = False
        self._draining = False
        self._awake_at = 0.0
        self.life.end()

    @property
    def up(self) -> bool:
        """Whether it takes links."""
        return self.life.alive and not self._draining

    def start(self) -> None:
        """Begin a new process."""
        self._incarnation += 1
        self.life = Life()
        self._links = []
        self._inbox.clear()
        self._busy = self._draining = False
        self._awake_at = 0.0
        self._kernel.note("%s starts as #%s", self.name, self._incarnation)

    def accept(self, stream: Stream) -> None:
        """Take a link: speak first, and share the window anew."""
        link = ReplicaLink(self, stream)
        stream.accept(link)
        self._links.append(link)
        self._welcome()

    def take(self, link: ReplicaLink, works: Sequence[Work]) -> None:
        """Queue work."""
        self._inbox.extend((link, work) for work in works)
        self._work()

    def drop(self, link: ReplicaLink) -> None:
        """Forget a link and its work that has not begun."""
        link.life.end()
        link.stream.down.abandon()
        if link in self._links:
            self._links.remove(link)
            self._inbox = deque(item for item in self._inbox if item[0] is not link)
            if self._awake_at == float("inf"):
                self.die(lossy=True)
            else:
                self._welcome()

    def die(self, *, lossy: bool, status: Status | None = Status.UNAVAILABLE) -> None:
        """End the process; `lossy`: what it sent last does not arrive either. Start another."""
        if not self.life.alive:
            return
        self._kernel.note("%s dies", self.name)
        self.life.end()
        for link in self._links:
            if lossy:
                link.stream.cut()
            else:
                link.stream.down.close(status)
        self._kernel.after(self._kernel.random.uniform(0.05, 2), self._world.life, self.start)

    def stall(self, seconds: float) -> None:
        """Do nothing for a while, and then go on as if nothing had been."""
        self._kernel.note("%s stalls for %.1f s", self.name, seconds)
        self._awake_at = max(self._awake_at, self._kernel.now + seconds)

    def freeze(self) -> None:
        """Do nothing any more, until somebody breaks a link; then die of it."""
        self._kernel.note("%s freezes", self.name)
        self._awake_at = float("inf")

    def drain(self) -> None:
        """Announce the end; answer what can be answered until then."""
        if not self.up:
            return
        self._kernel.note("%s drains", self.name)
        self._draining = True
        for link in self._links:
            link.stream.down.send(Draining())
        delay = self._kernel.random.choice((0.0, 0.5, 5.0))
        self._kernel.after(delay, self.life, self._drained)

    def _drained(self) -> None:
        self.die(lossy=False, status=None)

    def _welcome(self) -> None:
        if self._draining or not self._links:
            return
        scenario = self._world.scenario
        share = len(self._links)
        window = Window(
            max(1, scenario.replica_articles // share), max(1, scenario.replica_bytes // share)
        )
        for link in self._links:
            link.stream.down.send(Welcome(f"{self.name}#{self._incarnation}", window))

    def _work(self) -> None:
        if self._busy or not self._inbox:
            return
        self._busy = True
        self._when_awake(self._begin)

    def _when_awake(self, action: Callable[..., None], *args: Any) -> None:
        if self._kernel.now < self._awake_at:
            if self._awake_at < float("inf"):
                self._kernel.at(self._awake_at, self.life, self._when_awake, action, *args)
        else:
            action(*args)

    def _begin(self) -> None:
        batch = self._next_batch()
        if not batch:
            self._busy = False
            return
        for link in self._links:
            ids = [work.id for owner, work in batch if owner is link]
            if ids:
                link.stream.down.send(Started(ids))
        samples = [self._world.samples[work.content] for _, work in batch]
        lethal = [sample.lethal for sample in samples if sample.lethal]
        random = self._kernel.random
        if lethal:
            delay = HARD_LIMIT if lethal[0] == "hang" else random.uniform(0, 0.1)
            self._kernel.after(delay, self.life, self._killed)
        else:
            delay = random.uniform(0.002, 0.05) * len(batch)
            self._kernel.after(delay, self.life, self._when_awake, self._finish, batch, samples)

    def _next_batch(self) -> list[tuple[ReplicaLink, Work]]:
        batch: list[tuple[ReplicaLink, Work]] = []
        while self._inbox and len(batch) < BATCH_ARTICLES:
            if self._inbox[0][1].alone and batch:
                break
            batch.append(self._inbox.popleft())
            if batch[0][1].alone:
                break
        return batch

    def _killed(self) -> None:
        self.die(lossy=False)

    def _finish(self, batch: list[tuple[ReplicaLink, Work]], samples: list[Sample]) -> None:
        self._busy = False
        order = list(range(len(batch)))
        self._kernel.random.shuffle(order)
        for link in self._links:
            answers = [
                (batch[number][1], samples[number]) for number in order if batch[number][0] is link
            ]
            while answers:
                several = self._kernel.random.randint(1, len(answers))
                self._answer(link, answers[:several])
                del answers[:several]
        self._work()

    def _answer(self, link: ReplicaLink, answers: list[tuple[Work, Sample]]) -> None:
        message = Results([_answered(work.id, sample) for work, sample in answers])
        unruly = 0 if self._world.network.fair else self._world.scenario.unruly
        random = self._kernel.random
        if random.random() < unruly:
            self._stray(link)
        if random.random() < unruly and not any(work.alone for work, _ in answers):
            # Late: others overtake it, or its link is gone by then.
            self._kernel.after(random.uniform(0, 3), link.life, link.stream.down.send, message)
        else:
            link.stream.down.send(message)
        if random.random() < unruly:
            self._kernel.after(random.uniform(0, 3), link.life, link.stream.down.send, message)

    def _stray(self, link: ReplicaLink) -> None:
        """Answer an attempt that is another link's, or nobody's."""
        attempt_id = self._kernel.random.randint(0, max(link.seen, default=0))
        if attempt_id not in link.seen:
            stranger = Result(id=attempt_id)
            stranger.entities.entities.add(text="nobody asked", label="ORG", mentions=1)
            link.stream.down.send(Results([stranger]))


def _answered(attempt_id: int, sample: Sample) -> Result:
    result = Result()
    if sample.result is not None:
        result.CopyFrom(sample.result)
    result.id = attempt_id
    return result
