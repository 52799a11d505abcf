"""A gateway's end of a link: connects, again and again, and carries what the dispatcher says."""

from typing import TYPE_CHECKING, Any

from newstally_gateway.core.outcomes import judge, refuse_poisoned
from newstally_gateway.core.tasks import Attempt, Window
from simulation.kernel import Life
from simulation.network import Status, Stream
from simulation.replica import Draining, Replica, Results, Started, Welcome, Work

if TYPE_CHECKING:
    from simulation.gateway import Gateway

MODEL = "en_simulated 1"


class Link:
    """One replica's link, over all its connections. Its key is the replica's name."""

    def __init__(self, gateway: "Gateway", replica: Replica) -> None:
        self._gateway = gateway
        self._kernel = gateway.kernel
        self._replica = replica
        self.key = replica.name
        self.life = Life(gateway.life)
        self.stream: Stream | None = None
        self.held: dict[int, Attempt] = {}
        """What was sent and is not answered, by the link's own account."""
        self._running: set[int] = set()
        self._instance_id = ""
        self._window = Window(1, 1)
        self._up = False
        self._draining = False
        self._connect_soon()

    @property
    def has_suspect(self) -> bool:
        """Return whether an article is tried alone on it."""
        return any(attempt.alone for attempt in self.held.values())

    def endangers(self) -> bool:
        """Return whether another mishap here would make the innocent look like poison.

        An article that happens to be alone on two instances that are killed is refused: so it is
        designed. A run in which chance does that proves nothing, so incidents spare such a link.
        """
        return any(
            attempt.alone
            and self._gateway.world.samples[attempt.task.content].lethal is None
            and self._gateway.oracle.deaths_alone(self._identity(attempt)) > 0
            for attempt in self.held.values()
        )

    def send(self, attempts: list[Attempt]) -> None:
        """Send work."""
        for attempt in attempts:
            self.held[attempt.attempt_id] = attempt
            article = self._identity(attempt)
            self._gateway.oracle.sent(self.key, self._window, self.held, article, attempt)
        works = [Work(a.attempt_id, a.task.content, a.alone) for a in attempts]
        assert self.stream is not None
        assert self.stream.up is not None
        self.stream.up.send(works)

    def received(self, message: Any) -> None:
        """Hear the replica."""
        dispatcher, now = self._gateway.dispatcher, self._kernel.now
        match message:
            case Welcome(instance_id, window):
                self._welcomed(instance_id, window)
            case Started(ids):
                self._running.update(id_ for id_ in ids if id_ in self.held)
                dispatcher.started(self.key, ids, now)
            case Results(results):
                self._answered(results)
            case Draining():
                self._draining = True
                dispatcher.link_draining(self.key)
        self._gateway.pump()

    def ended(self, status: Status | None) -> None:
        """Hear that the link is broken, or closed in good order."""
        self.down(clean=status is None)
        self._gateway.pump()

    def break_off(self) -> None:
        """End a link that ran out of time."""
        self._kernel.note("%s breaks %s off", self._gateway.name, self.key)
        self.down(clean=False)

    def down(self, *, clean: bool) -> None:
        """Give back what is unanswered; connect again."""
        if self.stream is None:
            return
        self._kernel.note("%s loses %s, clean=%s", self._gateway.name, self.key, clean)
        self.stream.down.abandon()
        if self.stream.up is not None:
            self.stream.up.cut()
        self.stream = None
        if not clean and not self._draining:
            self._accuse([self.held[attempt_id] for attempt_id in sorted(self._running)])
        if clean and self.held:
            self._kernel.saw("a link ends in good order with articles on it")
        self.held.clear()
        self._running.clear()
        if self._up:
            self._up = False
            for poisoned in self._gateway.dispatcher.link_down(self.key, clean=clean):
                self._kernel.saw("an article is given up")
                task = poisoned.task
                self._gateway.oracle.poisoned((self._gateway.life, task.stream, task.offset))
                self._gateway.outcome(task, refuse_poisoned(poisoned))
        self._connect_soon()

    def _accuse(self, running: list[Attempt]) -> None:
        """Let the oracle know what ran when the link broke."""
        for attempt in running:
            self._gateway.oracle.suspected(self._identity(attempt))
        if len(running) == 1 and running[0].alone:
            self._kernel.saw("an article dies alone")
            self._gateway.oracle.died_alone(self._identity(running[0]), self._instance_id)

    def _identity(self, attempt: Attempt) -> tuple[object, ...]:
        # A gateway that is started again knows nothing of deaths.
        return self._gateway.life, attempt.task.stream, attempt.task.offset

    def _connect_soon(self) -> None:
        delay = self._kernel.random.uniform(0.01, 0.5)
        self._kernel.after(delay, self.life, self._connect)

    def _connect(self) -> None:
        if self._replica.up:
            self._draining = False
            self.stream = Stream(self._gateway.network, self)
            self._replica.accept(self.stream)
        else:
            self._connect_soon()

    def _welcomed(self, instance_id: str, window: Window) -> None:
        self._window = window
        if self._up:
            self._gateway.dispatcher.link_window(self.key, window)
        else:
            self._up = True
            self._instance_id = instance_id
            self._gateway.dispatcher.link_up(self.key, instance_id, window, self._kernel.now)

    def _answered(self, results: Any) -> None:
        for result in results:
            self.held.pop(result.id, None)
            self._running.discard(result.id)
            task = self._gateway.dispatcher.answered(self.key, result.id, self._kernel.now)
            if task is None:
                self._kernel.saw("an answer means nothing")
            else:
                self._gateway.outcome(task, judge(task, result, MODEL).outcome)
