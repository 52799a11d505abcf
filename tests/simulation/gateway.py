"""A gateway: the real machines, driven by a shell with the real one's order of calls."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from newstally_gateway.core.clients.effects import Counters
from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.outcomes import LARGEST_OUTCOME_BYTES
from newstally_gateway.core.replicas.dispatching import ClientStream, Dispatching
from newstally_gateway.core.tasks import StreamKey, Task
from simulation.corpus import Sample
from simulation.kernel import Life
from simulation.link import Link
from simulation.network import Stream
from simulation.oracle import check
from simulation.scenario import ARTICLE_TIMEOUT, LARGEST_CHARGE

if TYPE_CHECKING:
    from simulation.session import Session
    from simulation.world import World

IDLE_SECONDS = 0.3
"""A stream that was quiet for so long may be asked to leave."""


class _Count:
    """What the metrics would count."""

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        self.value += amount


class Gateway:
    """One process after the other. It keeps nothing between them."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.kernel = world.kernel
        self.network = world.network
        self.oracle = world.oracle
        self.persister = world.persister
        self.machines = world.machines
        self.name = name
        self.life = Life()
        self.counters = Counters(_Count(), _Count(), _Count())
        self.links: list[Link] = []
        self.sessions: dict[StreamKey, Session] = {}
        self._draining = False
        self._streams = 0
        self._assigning = False
        self._expires = float("inf")
        self.start()

    @property
    def up(self) -> bool:
        """Whether it takes streams."""
        return self.life.alive and not self._draining

    @property
    def idle(self) -> bool:
        """Whether it has nothing left to do."""
        return not self.life.alive or (
            not self.sessions
            and self.memory.used_bytes == 0
            and self.dispatcher.queued == 0
            and self.dispatcher.outstanding == 0
        )

    def start(self) -> None:
        """Begin a new process."""
        self.kernel.note("%s starts", self.name)
        self.life = Life()
        self.settings = self.kernel.random.choice(self.world.scenario.settings)
        self.limits = BatchLimits(
            send_bytes=LARGEST_OUTCOME_BYTES + 1_000, close_bytes=self.settings.close_bytes
        )
        admission = self.machines.admission(self.settings.admission_bytes, LARGEST_CHARGE)
        self.memory = self.machines.memory(admission)
        self.dispatcher = self.machines.dispatcher(ARTICLE_TIMEOUT)
        self.dispatching = Dispatching(self.dispatcher, self)
        self.sessions = {}
        self._draining = self._assigning = False
        self._expires = float("inf")
        self.links = [Link(self, replica) for replica in self.world.replicas]

    def die(self) -> None:
        """End the process, whatever it does; start another."""
        if not self.life.alive:
            return
        self.kernel.note("%s dies", self.name)
        self.life.end()
        for session in self.sessions.values():
            session.cut()
        for link in self.links:
            if link.stream is not None:
                link.stream.cut()
        self.kernel.after(self.kernel.random.uniform(0.05, 2), self.world.life, self.start)

    def drain(self) -> None:
        """Take nothing new, settle what was admitted, and end within bounds."""
        if not self.up:
            return
        self.kernel.note("%s drains", self.name)
        self._draining = True
        for session in list(self.sessions.values()):
            session.drain()
        self.kernel.after(self.kernel.random.choice((0.3, 5.0)), self.life, self._give_up)

    def _give_up(self) -> None:
        for session in list(self.sessions.values()):
            session.give_up()
        self.kernel.after(self.kernel.random.choice((0.1, 1.0)), self.life, self.die)

    # Sessions

    def accept(self, stream: Stream, samples: Sequence[Sample]) -> "Session | None":
        """Take a client's stream; None: nobody is there."""
        if not self.up:
            return None
        self._streams += 1
        key = self._streams
        session = self.machines.session(self, key, stream, samples)
        self.sessions[key] = session
        self.dispatching.open(key, session)
        return session

    def closed(self, session: "Session") -> None:
        """Forget a session."""
        del self.sessions[session.key]
        self.dispatching.close(session.key)
        session.memory.close()

    def make_room(self) -> None:
        """Have an idle stream end, if there is one."""
        for session in self.sessions.values():
            since = session.machine.idle_since
            if since is not None and self.kernel.now - since >= IDLE_SECONDS:
                session.make_room()
                return

    # Articles

    def add(self, task: Task) -> None:
        """Queue an article."""
        self.dispatching.add(task)

    def discard(self, stream: StreamKey, below: int) -> None:
        """Forget articles that were settled elsewhere."""
        self.dispatching.discard(stream, below)

    # What dispatching wants to be done

    def stirred(self) -> None:
        """Dispatch, after all that happens now."""
        if not self._assigning:
            self._assigning = True
            self.kernel.after(0, self.life, self._assign)

    def requeued(self, articles: int) -> None:
        """Nothing: there are no metrics."""

    def took_long(self, stream: ClientStream, task: Task, seconds: float) -> None:
        """Nothing: there is no log."""

    def given_up(self, stream: ClientStream, task: Task) -> None:
        """Let the oracle judge."""
        self.kernel.saw("an article is given up")
        self.oracle.poisoned((self.life, task.stream, task.offset))

    def _assign(self) -> None:
        self._assigning = False
        self.dispatching.assign(self.kernel.now)
        self._arm()

    def _arm(self) -> None:
        deadline = self.dispatching.next_deadline(self.kernel.now)
        if deadline is not None and deadline < self._expires:
            self._expires = deadline
            self.kernel.at(deadline, self.life, self._expire, deadline)

    def _expire(self, deadline: float) -> None:
        if self._expires == deadline:
            self._expires = float("inf")
        self.dispatching.expire(self.kernel.now)
        self._arm()

    # What the oracle looks at

    def state(self) -> str:
        """Return what is left to do."""
        return (
            f"{len(self.sessions)} streams, {self.memory.used_bytes} bytes, "
            f"{self.dispatcher.queued} queued, {self.dispatcher.outstanding} outstanding"
        )

    def check(self) -> None:
        """Check what always holds between two events."""
        if not self.life.alive:
            return
        used = self.memory.used_bytes
        total = self.settings.admission_bytes
        check(used <= total, "%s holds %s of %s bytes", self.name, used, total)
        held = awaited = guaranteed = 0
        for session in self.sessions.values():
            held += session.watch.held_bytes
            awaited += session.watch.awaited
            guaranteed = max(guaranteed, session.watch.waits_inside_guarantee)
        check(
            held == used,
            "%s holds %s bytes, by the articles' sizes, and is charged %s",
            self.name,
            held,
            used,
        )
        check(
            not guaranteed or used + guaranteed > total,
            "%s keeps %s guaranteed bytes waiting while it holds %s of %s",
            *(self.name, guaranteed, used, total),
        )
        sent = [attempt.task.size_bytes for link in self.links for attempt in link.held.values()]
        queued, outstanding = self.dispatcher.queued, self.dispatcher.outstanding
        size = self.dispatcher.outstanding_bytes
        check(
            (outstanding, size) == (len(sent), sum(sent)),
            "%s holds links to %s articles of %s bytes, and they have %s",
            *(self.name, outstanding, size, sent),
        )
        check(
            queued <= awaited <= queued + outstanding,
            "%s awaits %s outcomes, with %s queued and %s outstanding",
            *(self.name, awaited, queued, outstanding),
        )
