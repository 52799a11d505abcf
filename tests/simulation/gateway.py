"""A gateway: the real machines, driven by a shell with the real one's order of calls."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.outcomes import LARGEST_OUTCOME_BYTES, Outcome
from newstally_gateway.core.replicas.dispatching import ClientStream, Dispatching
from newstally_gateway.core.tasks import StreamKey, Task
from simulation.kernel import Life
from simulation.link import Link
from simulation.network import Call, Status, Stream
from simulation.oracle import check
from simulation.scenario import ARTICLE_TIMEOUT, LARGEST_CHARGE, RECORD_DEADLINE

if TYPE_CHECKING:
    from simulation.session import Session
    from simulation.world import World


class _Outcomes:
    """Brings outcomes to a session."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.upload_id = session.upload_id

    def ready(self, offset: int, outcome: Outcome, _now: float) -> None:
        self._session.ready(offset, outcome)

    def poke(self, _now: float) -> None:
        self._session.gateway.kernel.after(0, self._session.life, self._session.settle)


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
        self.limits = BatchLimits(
            send_bytes=LARGEST_OUTCOME_BYTES + 1_000, close_bytes=world.scenario.close_bytes
        )
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
            and self.admission.used_bytes == 0
            and self.dispatcher.queued == 0
            and self.dispatcher.outstanding == 0
        )

    def start(self) -> None:
        """Begin a new process."""
        self.kernel.note("%s starts", self.name)
        self.life = Life()
        self.admission = self.machines.admission(
            self.world.scenario.admission_bytes, LARGEST_CHARGE
        )
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
            session.refuse(Status.UNAVAILABLE)
        self.kernel.after(self.kernel.random.choice((0.3, 5.0)), self.life, self.die)

    # Sessions

    def accept(self, upload_id: str, stream: Stream) -> "Status | Session":
        """Take a client's stream, if there can be memory for it."""
        if not self.up:
            return Status.UNAVAILABLE
        self._streams += 1
        key = self._streams
        if not self.admission.open(key):
            self.kernel.saw("a stream is refused for lack of memory")
            return Status.RESOURCE_EXHAUSTED
        session = self.machines.session(self, key, upload_id, stream)
        self.sessions[key] = session
        self.dispatching.open(key, _Outcomes(session))
        return session

    def closed(self, session: "Session") -> None:
        """Forget a session."""
        del self.sessions[session.key]
        self.dispatching.close(session.key)
        self._wake(self.admission.close(session.key))

    def get_upload(self, session: "Session", answered: Callable[[Any], None]) -> None:
        """Look an upload up."""
        Call(
            self.network,
            session.life,
            self.persister.get_handler,
            session.upload_id,
            answered,
            RECORD_DEADLINE,
        )

    def release(self, stream: StreamKey, charge: int) -> None:
        """Give memory back; whoever it is granted to goes on soon."""
        self._wake(self.admission.release(stream, charge))

    def check_promise(self) -> None:
        """Check, after a grant, that every open stream still gets its guarantee."""
        promised = sum(max(session.held, LARGEST_CHARGE) for session in self.sessions.values())
        total = self.world.scenario.admission_bytes
        check(promised <= total, "%s promises %s of %s bytes", self.name, promised, total)

    def _wake(self, streams: Iterable[StreamKey]) -> None:
        for key in streams:
            session = self.sessions[key]
            session.granted()
            self.kernel.after(0, session.life, session.go_on)

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

    def given_up(self, stream: ClientStream, task: Task) -> None:
        """Let the oracle judge."""
        self.kernel.saw("an article is given up")
        self.oracle.poisoned((self.life, task.stream, task.offset))

    def _assign(self) -> None:
        self._assigning = False
        self.dispatching.assign(self.kernel.now)
        self._arm()

    def _arm(self) -> None:
        deadline = self.dispatching.next_deadline()
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
            f"{len(self.sessions)} streams, {self.admission.used_bytes} bytes, "
            f"{self.dispatcher.queued} queued, {self.dispatcher.outstanding} outstanding"
        )

    def check(self) -> None:
        """Check what always holds between two events."""
        if not self.life.alive:
            return
        used = self.admission.used_bytes
        total = self.world.scenario.admission_bytes
        check(used <= total, "%s holds %s of %s bytes", self.name, used, total)
        held = awaited = guaranteed = 0
        for session in self.sessions.values():
            held += session.held
            awaited += session.awaited
            guaranteed = max(guaranteed, session.waits_inside_guarantee)
        check(held == used, "%s holds %s bytes and is charged %s", self.name, held, used)
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
