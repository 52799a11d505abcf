"""Ways to balance: the real dispatcher, and what one would do instead."""

import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from newstally_extractor.core.inbox import Work
from newstally_extractor.core.windows import Window as Shared
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Task, Window

from fleet.replicas import LATENCY_SECONDS, Gateway, Replica
from fleet.virtual import Clock

TURN_SECONDS = 0.001
"""A gateway's loop comes round about so often when it has much to do."""
ARTICLE_TIMEOUT = 60.0
_FIELDS = ExtractorSettings.model_fields
WINDOW = Shared(_FIELDS["window_articles"].default, _FIELDS["window_bytes"].default)

Began = Callable[[Task, float], None]
"""Hears when an article's extraction began, the last time, once it is answered."""


class Balancer(Protocol):
    """One gateway."""

    processor_seconds: float
    """What its decisions took so far."""

    def add(self, task: Task) -> None:
        """Take an article."""
        ...

    def up(self, replica: Replica) -> None:
        """A replica is there."""
        ...

    def down(self, replica: Replica) -> None:
        """It is gone, with all that it had."""
        ...


class Simple:
    """Sends each article at once to a replica of its choice; the queues are at the replicas."""

    def __init__(self, clock: Clock, began: Began, choose: "Choose") -> None:
        self._clock = clock
        self._began = began
        self._choose = choose
        self._replicas: list[Replica] = []
        self._has: dict[int, OrderedDict[int, Task]] = {}
        self._since: dict[int, float] = {}
        self._last = 0
        self.processor_seconds = 0.0

    def add(self, task: Task) -> None:
        """See Balancer.add. There is always a replica."""
        self._last += 1
        began = time.process_time()
        replica = self._choose(self._replicas, lambda each: len(self._has[each.name]))
        self.processor_seconds += time.process_time() - began
        self._has[replica.name][self._last] = task
        work: Work[Gateway] = Work(self, self._last, "", task.size_bytes, cost=task.size_bytes)
        generation = replica.generation
        self._clock.after(LATENCY_SECONDS, lambda: replica.receive([work], generation))

    def up(self, replica: Replica) -> None:
        """See Balancer.up."""
        self._replicas.append(replica)
        self._has[replica.name] = OrderedDict()

    def down(self, replica: Replica) -> None:
        """See Balancer.down."""
        self._replicas.remove(replica)
        for number, task in self._has.pop(replica.name).items():
            self._since.pop(number, None)
            self.add(task)

    def started(self, _replica: Replica, ids: Sequence[int]) -> None:
        """See replicas.Gateway."""
        for number in ids:
            self._since[number] = self._clock.now

    def answered(self, replica: Replica, ids: Sequence[int]) -> None:
        """See replicas.Gateway."""
        for number in ids:
            self._began(self._has[replica.name].pop(number), self._since.pop(number))


Choose = Callable[[Sequence[Replica], Callable[[Replica], int]], Replica]


def round_robin() -> Choose:
    """Each in its turn."""
    turn = -1

    def choose(replicas: Sequence[Replica], _waiting: Callable[[Replica], int]) -> Replica:
        nonlocal turn
        turn += 1
        return replicas[turn % len(replicas)]

    return choose


def at_random(draw: random.Random) -> Choose:
    """Any."""
    return lambda replicas, _waiting: draw.choice(replicas)


def better_of_two(draw: random.Random) -> Choose:
    """Of any two the one with fewer articles."""
    return lambda replicas, waiting: min(draw.choices(replicas, k=2), key=waiting)


class Dispatched:
    """The gateway's dispatcher, with links to all replicas."""

    def __init__(self, clock: Clock, began: Began, gateways: int) -> None:
        """`gateways`: how many share each replica's window."""
        self._clock = clock
        self._began = began
        self._dispatcher = Dispatcher(ARTICLE_TIMEOUT)
        share = WINDOW.share(gateways)
        self._window = Window(share.articles, share.size_bytes)
        self._since: dict[int, float] = {}
        self._replicas: dict[tuple[int, int], Replica] = {}
        self._turning = False
        self.processor_seconds = 0.0

    def add(self, task: Task) -> None:
        """See Balancer.add."""
        with self._counted():
            self._dispatcher.add(task)
        self._turn()

    def up(self, replica: Replica) -> None:
        """See Balancer.up."""
        link = (replica.name, replica.generation)
        self._replicas[link] = replica
        now = self._clock.now
        self._dispatcher.link_up(link, str(link), self._window, now, replica.name)
        self._turn()

    def down(self, replica: Replica) -> None:
        """See Balancer.down."""
        link = (replica.name, replica.generation)
        del self._replicas[link]
        self._dispatcher.link_down(link, self._clock.now, clean=False)
        self._turn()

    def started(self, replica: Replica, ids: Sequence[int]) -> None:
        """See replicas.Gateway."""
        link = (replica.name, replica.generation)
        with self._counted():
            self._dispatcher.started(link, ids, self._clock.now)
        for number in ids:
            self._since[number] = self._clock.now
        self._turn()

    def answered(self, replica: Replica, ids: Sequence[int]) -> None:
        """See replicas.Gateway."""
        link = (replica.name, replica.generation)
        for number in ids:
            with self._counted():
                task = self._dispatcher.answered(link, number, self._clock.now)
            since = self._since.pop(number)
            if task is not None:
                self._began(task, since)
        self._turn()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        began = time.process_time()
        yield
        self.processor_seconds += time.process_time() - began

    def _turn(self) -> None:
        """Assign once for all that happens in a turn of the loop."""
        if not self._turning:
            self._turning = True
            self._clock.after(TURN_SECONDS, self._assign)

    def _assign(self) -> None:
        self._turning = False
        by_link: dict[tuple[int, int], list[Work[Gateway]]] = {}
        with self._counted():
            attempts = self._dispatcher.assign(self._clock.now)
            self._dispatcher.next_deadline(self._clock.now)
        for attempt in attempts:
            link, size = attempt.link, attempt.task.size_bytes
            assert isinstance(link, tuple)
            work: Work[Gateway] = Work(self, attempt.attempt_id, "", size, attempt.alone, size)
            by_link.setdefault(link, []).append(work)
        for link, works in by_link.items():
            replica = self._replicas[link]
            arrive = lambda r=replica, w=works, g=link[1]: r.receive(w, g)  # noqa: E731
            self._clock.after(LATENCY_SECONDS, arrive)
