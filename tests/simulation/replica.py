"""An extractor replica: carries what the real replica decides, and has many ways to go."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from newstally_extractor.core import link as link_machine
from newstally_extractor.core import replica as machine
from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Extracted
from newstally_protos.v1.extractor_pb2 import (
    ExtractRequest,
    ExtractResponse,
    Result,
    Results,
    Welcome,
)
from simulation.corpus import Sample
from simulation.kernel import Life
from simulation.network import Status, Stream
from simulation.oracle import check
from simulation.scenario import HARD_LIMIT

if TYPE_CHECKING:
    from simulation.world import World

BATCH_ARTICLES = 4
BATCH_CHARS = 5_000
SEND_LIMIT_BYTES = 4_000
UNREAD_MESSAGES = 1
"""What fits into the stream before the gateway has to read: flow control."""


class ReplicaLink:
    """The replica's end of one stream, for a link that decides."""

    def __init__(self, replica: "Replica", stream: Stream) -> None:
        self._replica = replica
        self._kernel = replica.kernel
        self.life = Life(replica.life)
        self.stream = stream
        self.works: dict[int, str] = {}
        """The contents of the attempts that came on it. Other attempts are not its own."""
        self.suspects: set[int] = set()
        """Those that are to be tried alone."""
        self.announced: set[int] = set()
        """The attempts whose Started has left the process for certain."""
        self._sent: ExtractResponse | None = None
        self._accepted: list[ExtractResponse] = []
        self._writing = False
        stream.accept(self)
        stream.down.room = self._accept
        self.link: Link | None = None
        self.link = replica.machine.open(self)

    def received(self, message: ExtractRequest) -> None:
        """Take work."""
        assert self.link is not None
        self.works.update((work.id, work.content) for work in message.work)
        self.suspects.update(work.id for work in message.work if work.alone)
        self._replica.machine.take(self.link, message, self._kernel.now)

    def ended(self, status: Status | None) -> None:
        """Answer the rest of a gateway that has ended its side; forget one that is gone."""
        assert self.link is not None
        if status is None:
            self.link.finish()
        else:
            self.close()

    def close(self) -> None:
        """Forget the stream."""
        assert self.link is not None
        self.life.end()
        self.stream.down.abandon()
        self._replica.closed(self.link)

    # What the link wants to be done

    def stirred(self) -> None:
        """Write soon."""
        if not self._writing:
            self._writing = True
            self._kernel.after(0, self.life, self._write)

    def _write(self) -> None:
        self._writing = False
        link = self.link
        if self._sent is not None or link is None:
            return
        response = link.next_response()
        if response is not None:
            self._sent = response
            self._transmit(response)
            self._accept()
        elif link.state is link_machine.State.ENDED:
            self.stream.down.close(None)
            self.life.end()
            self._replica.closed(link)

    def _accept(self) -> None:
        """Let the transport take the message when the gateway has read enough."""
        sent = self._sent
        if sent is None or self.link is None or self.stream.down.unread > UNREAD_MESSAGES:
            return
        self._sent = None
        # A message has left the process when another one is accepted behind it.
        for before in self._accepted:
            self.announced.update(before.started.ids)
        self._accepted = [sent]
        self._replica.machine.accepted(self.link)
        self.stirred()

    # What a gateway gets of it

    def _transmit(self, response: ExtractResponse) -> None:
        """Send it; results at times in pieces, late, twice, or with what nobody asked for."""
        if not response.HasField("results"):
            self.stream.down.send(response)
            return
        random = self._kernel.random
        results = [
            self._replica.spoil(result, self.works) if result.WhichOneof("outcome") else result
            for result in response.results.results
        ]
        for result in results:
            if result.WhichOneof("outcome") is None and not result.cost_micros:
                self._kernel.saw("an article is withdrawn in time")
        random.shuffle(results)
        while results:
            several = random.randint(1, len(results))
            self._send(results[:several])
            del results[:several]

    def _send(self, results: Sequence[Result]) -> None:
        message = ExtractResponse(results=Results(results=results))
        unruly, random = self._replica.unruly, self._kernel.random
        if random.random() < unruly:
            self._stray()
        if random.random() < unruly and not self._replica.has_suspects(self):
            # Late: others overtake it, or its link is gone by then.
            self._kernel.after(random.uniform(0, 3), self.life, self.stream.down.send, message)
        else:
            self.stream.down.send(message)
        if random.random() < unruly:
            self._kernel.after(random.uniform(0, 3), self.life, self.stream.down.send, message)

    def _stray(self) -> None:
        """Answer an attempt that is another link's, or nobody's."""
        attempt_id = self._kernel.random.randint(0, max(self.works, default=0))
        if attempt_id not in self.works:
            stranger = Result(id=attempt_id)
            stranger.entities.entities.add(text="nobody asked", label="ORG", mentions=1)
            self.stream.down.send(ExtractResponse(results=Results(results=[stranger])))


class Replica:
    """One process after the other at one address."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self.kernel = world.kernel
        self.name = name
        self.life = Life()
        self._incarnation = 0
        self._links: dict[Link, ReplicaLink] = {}
        self._stirred = self._engine_has_it = False
        self._batch: Sequence[Work[Link]] = ()
        self._awake_at = 0.0
        self.life.end()

    @property
    def up(self) -> bool:
        """Whether it takes links."""
        return self.life.alive and not self.machine.draining

    @property
    def unruly(self) -> float:
        """With which probability it breaks the rules now."""
        return 0 if self._world.network.fair else self._world.scenario.unruly

    def start(self) -> None:
        """Begin a new process."""
        self._incarnation += 1
        self.life = Life()
        self._links = {}
        self._stirred = self._engine_has_it = False
        self._batch = ()
        self._awake_at = 0.0
        scenario = self._world.scenario
        self.machine = self._world.machines.replica(
            Inbox[Link](BATCH_CHARS, BATCH_ARTICLES),
            Window(scenario.replica_articles, scenario.replica_bytes),
            Welcome(
                model="en_simulated",
                model_version="1",
                instance_id=f"{self.name}#{self._incarnation}",
            ),
            1_000_000,
            SEND_LIMIT_BYTES,
            self,
        )
        self.kernel.note("%s starts as #%s", self.name, self._incarnation)

    def accept(self, stream: Stream) -> None:
        """Take a link."""
        carrier = ReplicaLink(self, stream)
        assert carrier.link is not None
        self._links[carrier.link] = carrier

    def closed(self, link: Link) -> None:
        """Forget a link and its work that has not begun."""
        self.machine.close(link)
        if self._links.pop(link, None) is None:
            return
        if self._awake_at == float("inf"):
            self.die(lossy=True)

    def die(self, *, lossy: bool, status: Status | None = Status.UNAVAILABLE) -> None:
        """End the process; `lossy`: what it sent last does not arrive either. Start another."""
        if not self.life.alive:
            return
        self.kernel.note("%s dies", self.name)
        self.life.end()
        for carrier in self._links.values():
            if lossy:
                carrier.stream.cut()
            else:
                carrier.stream.down.close(status)
        self.kernel.after(self.kernel.random.uniform(0.05, 2), self._world.life, self.start)

    def stall(self, seconds: float) -> None:
        """Do nothing for a while, and then go on as if nothing had been."""
        self.kernel.note("%s stalls for %.1f s", self.name, seconds)
        self._awake_at = max(self._awake_at, self.kernel.now + seconds)

    def freeze(self) -> None:
        """Do nothing any more, until somebody breaks a link; then die of it."""
        self.kernel.note("%s freezes", self.name)
        self._awake_at = float("inf")

    def drain(self) -> None:
        """Announce the end; answer what can be answered until then."""
        if not self.up:
            return
        self.kernel.note("%s drains", self.name)
        self.machine.drain()
        delay = self.kernel.random.choice((0.0, 0.5, 5.0))
        self.kernel.after(delay, self.life, self._drained)

    # What the replica wants to be done

    def stirred(self) -> None:
        """Go on soon."""
        if not self._stirred:
            self._stirred = True
            self.kernel.after(0, self.life, self._when_awake, self._work)

    def stalled(self) -> None:
        """Count it."""
        self.kernel.saw("a gateway does not read its Started")

    def answered(self, results: Sequence[Result]) -> None:
        """Nothing: there are no metrics."""

    # The engine

    def _drained(self) -> None:
        self.machine.end()
        self.kernel.after(0.001, self.life, self._exit)

    def _exit(self) -> None:
        self.die(lossy=False, status=None)

    def _when_awake(self, action: Callable[..., None], *args: Any) -> None:
        if self.kernel.now < self._awake_at:
            if self._awake_at < float("inf"):
                self.kernel.at(self._awake_at, self.life, self._when_awake, action, *args)
        else:
            action(*args)

    def _work(self) -> None:
        self._stirred = False
        self.machine.work(self.kernel.now)
        if self.machine.state is machine.State.WORKING:
            if not self._engine_has_it:
                self._begin(self.machine.batch)
        elif self.machine.deadline is not None:
            self.kernel.at(self.machine.deadline, self.life, self.stirred)

    def _begin(self, batch: Sequence[Work[Link]]) -> None:
        self._engine_has_it = True
        self._batch = batch
        for work in batch:
            carrier = self._links.get(work.link)
            check(
                carrier is None or work.id in carrier.announced,
                "%s begins with %s, and its Started may not have left",
                *(self.name, work.id),
            )
            check(
                carrier is None or work.id not in carrier.suspects or len(batch) == 1,
                "%s tries %s among others",
                *(self.name, work.id),
            )
        samples = [self._world.samples[work.content] for work in batch]
        lethal = [sample.lethal for sample in samples if sample.lethal]
        random = self.kernel.random
        if lethal:
            delay = HARD_LIMIT if lethal[0] == "hang" else random.uniform(0, 0.1)
            self.kernel.after(delay, self.life, self._killed)
        else:
            delay = random.random() * 2 * self._world.scenario.model_seconds * len(batch)
            self.kernel.after(delay, self.life, self._when_awake, self._finish, samples)

    def _killed(self) -> None:
        self.die(lossy=False)

    def _finish(self, samples: list[Sample]) -> None:
        self._engine_has_it = False
        # At times the batch takes too long: what has not begun goes back.
        begun = self.kernel.random.randint(1, len(samples))
        if self._world.network.fair or self.kernel.random.random() < 0.9:
            begun = len(samples)
        micros = self.kernel.random.randrange(1_000_000)
        extracted: list[Extracted | None] = []
        for number, (work, sample) in enumerate(zip(self._batch, samples, strict=True)):
            if number >= begun and work.link.takes_back and not work.alone:
                self.kernel.saw("an article is handed back")
                extracted.append(None)
            else:
                extracted.append(Extracted(dict(sample.entities), micros / 1e6))
        self.machine.done(extracted)

    # What comes of it

    def has_suspects(self, carrier: ReplicaLink) -> bool:
        """Return whether the batch that was answered last is a suspect of this link."""
        return any(work.alone and work.link is carrier.link for work in self._batch)

    def spoil(self, result: Result, works: dict[int, str]) -> Result:
        """Return what a faulty pipeline, or a faulty replica, makes of an article that has one."""
        sample = self._world.samples[works[result.id]]
        if sample.reason is not None and sample.result is not None:
            spoiled = Result()
            spoiled.CopyFrom(sample.result)
            spoiled.id = result.id
            return spoiled
        return result
