"""One stream to one replica, from connecting until it ends.

    connecting ──Welcome──▶ up ──retire()──▶ retired ──all is answered──▶ leaving
         │                   │                  │                            │
         └───────────────────┴─ stream ended, broken off, or no time left ───┴──▶ ended

A replica that says Draining is sent nothing new; the link stays as it is until the stream ends.
Where the end was to be expected, because of Draining or of retire(), it makes no suspects.
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from newstally_protos.v1.extractor_pb2 import ExtractResponse, Result, Welcome
from newstally_protos.v1.status_pb2 import ReplicaReport

from newstally_gateway.core.replicas.dispatching import Dispatching
from newstally_gateway.core.tasks import Attempt, Window

WELCOME_SECONDS = 10.0
"""How long connecting may take, the replica's Welcome included."""
FAREWELL_SECONDS = 2.0
"""How long a replica that has nothing left to answer may take to end the stream after us."""

WITHDRAWN = 1_000
"""Most attempts that are withdrawn in a message."""
REPORT_BYTES = 256 * 1024
"""A report over it is not kept: the largest is a third of that."""


class State(Enum):
    """How far a link is."""

    CONNECTING = auto()
    """No Welcome has come."""
    UP = auto()
    """Takes articles, unless the replica drains."""
    RETIRED = auto()
    """Takes nothing new, and waits for answers."""
    LEAVING = auto()
    """Has ended its half, and waits for the replica to end its own."""
    ENDED = auto()
    """See `Link.end`."""


@dataclass(frozen=True, slots=True)
class End:
    """How a link ended."""

    welcomed: bool
    """Whether it was up at all."""
    clean: bool
    """In good order: nothing that was unanswered is suspect."""
    reason: str
    """For people."""


class Effects(Protocol):
    """What a link wants to be done."""

    def unsent(self) -> None:
        """Write what `Link.take_unsent` returns, soon."""
        ...

    def turned(self) -> None:
        """Look at `Link.state` and `Link.deadline` anew."""
        ...

    def too_slow(self) -> None:
        """Note that the link is ended because an article ran out of time."""
        ...

    def defective(self, model: str, defect: str) -> None:
        """Note that the replica breaks the protocol; said once for a link."""
        ...


class Link:
    """What is decided about one stream.

    What it holds is bounded by the replica's window: the dispatcher sends no more than that.
    """

    def __init__(
        self, dispatching: Dispatching, effects: Effects, now: float, replica: Hashable
    ) -> None:
        """`replica`: what it is to, whichever process is there."""
        self._replica = replica
        self._dispatching = dispatching
        self._effects = effects
        self.state = State.CONNECTING
        self.deadline: float | None = now + WELCOME_SECONDS
        """When `tick` has something to do."""
        self.end: End | None = None
        """How it ended, once it has."""
        self.welcome = Welcome()
        """The last one that came."""
        self.report: ReplicaReport | None = None
        """What it last said of itself; None before it has."""
        self.reported_at = now
        """When; when connecting began, before."""
        self.draining = False
        """The replica goes away: whatever ends the stream now, nothing is suspect."""
        self._welcomed = False
        self._unsent: deque[Attempt] = deque()
        self._withdrawn: list[int] = []
        self._outstanding: dict[int, int] = {}
        self._outstanding_bytes = 0
        self._defective = False

    @property
    def model(self) -> str:
        """What the replica counts with: "name version", and what decides on names if anything."""
        welcome = self.welcome
        return f"{welcome.model} {welcome.model_version} {welcome.naming}".rstrip()

    @property
    def is_welcomed(self) -> bool:
        """Whether it is, or was, up."""
        return self._welcomed

    @property
    def has_unsent(self) -> bool:
        """Whether `take_unsent` or `take_withdrawn` has something."""
        return bool(self._unsent or self._withdrawn)

    @property
    def outstanding_articles(self) -> int:
        """How many articles are unanswered, unsent ones included."""
        return len(self._outstanding)

    @property
    def outstanding_bytes(self) -> int:
        """Their content."""
        return self._outstanding_bytes

    @property
    def is_busy(self) -> bool:
        """Whether the replica has something to do besides what is unsent."""
        return len(self._outstanding) > len(self._unsent)

    # The stream's side

    def received(self, response: ExtractResponse, now: float) -> None:
        """Take an event of the replica."""
        if self.state is State.ENDED:
            return
        match response.WhichOneof("event"):
            case "welcome":
                self._greeted(response.welcome, now)
            case _ if self.state is State.CONNECTING:  # the replica speaks first
                pass
            case "started":
                self._dispatching.started(self, response.started.ids, now)
            case "results":
                self._answered(response.results.results, now)
            case "handed_back":
                self._release(response.handed_back.ids)
                self._dispatching.handed_back(self, response.handed_back.ids, now)
                self._leave_if_idle(now)
            case "report":
                self.reported_at = now
                if response.report.ByteSize() <= REPORT_BYTES:
                    self.report = response.report
            case "draining":
                self.draining = True
                self._dispatching.link_draining(self)
                self._effects.turned()
            case _:  # an event of a later release
                pass

    def ended(self, reason: str, now: float) -> None:
        """Note that the stream has ended, however that came."""
        expected = self.state in {State.RETIRED, State.LEAVING}
        self._end(reason, now, clean=self.draining or expected)

    def take_unsent(self, articles: int, size_bytes: int, overhead_bytes: int) -> Sequence[Attempt]:
        """Return what to send next, within the bounds, but one at least, if anything is unsent.

        `overhead_bytes`: what an article takes in a message besides its content.
        """
        taken: list[Attempt] = []
        while self._unsent and len(taken) < articles:
            size_bytes -= self._unsent[0].task.size_bytes + overhead_bytes
            if size_bytes < 0 and taken:
                break
            taken.append(self._unsent.popleft())
        return taken

    def take_withdrawn(self) -> Sequence[int]:
        """Return attempts to be withdrawn, of which all were taken before."""
        if self._unsent:
            return []
        withdrawn = self._withdrawn[:WITHDRAWN]
        del self._withdrawn[:WITHDRAWN]
        return withdrawn

    # The owner's side

    def retire(self, now: float) -> None:
        """Take nothing more; end the stream when all is answered."""
        if self.state is State.CONNECTING:
            self._end("no longer listed", now, clean=True)
        elif self.state is State.UP:
            self._turn(State.RETIRED)
            self._dispatching.link_draining(self)
            self._leave_if_idle(now)

    def cancel(self, reason: str, now: float) -> None:
        """End it: nobody carries it any more."""
        self._end(reason, now, clean=False)

    def tick(self, now: float) -> None:
        """Look at the time."""
        if self.deadline is None or now < self.deadline:
            return
        if self.state is State.CONNECTING:
            self._end(f"no Welcome within {WELCOME_SECONDS:g} s", now, clean=False)
        elif self.state is State.LEAVING:
            self._end("no longer listed", now, clean=True)

    # The side of dispatching

    def send(self, attempts: list[Attempt]) -> None:
        """Send these soon."""
        self._unsent.extend(attempts)
        for attempt in attempts:
            self._outstanding[attempt.attempt_id] = attempt.task.size_bytes
            self._outstanding_bytes += attempt.task.size_bytes
        self._effects.unsent()

    def withdraw(self, ids: list[int]) -> None:
        """Say soon that nobody waits for the answers to these."""
        self._withdrawn += ids
        self._effects.unsent()

    def expire(self, now: float) -> None:
        """End the stream, whatever is unanswered: an article has run out of time."""
        self._effects.too_slow()
        self._end("an article ran out of time", now, clean=False)

    # Turning

    def _greeted(self, welcome: Welcome, now: float) -> None:
        self.welcome = welcome
        window = Window(welcome.window.articles, welcome.window.bytes)
        if not self._welcomed:
            self._welcomed = True
            self.deadline = None
            self._turn(State.UP)
            self._dispatching.link_up(self, welcome.instance_id, window, now, self._replica)
        else:
            self._dispatching.link_window(self, window)

    def _answered(self, results: Sequence[Result], now: float) -> None:
        self._release(result.id for result in results)
        defect = self._dispatching.answered(self, results, self.model, now)
        if defect is not None and not self._defective:
            self._defective = True
            self._effects.defective(self.model, defect)
        self._leave_if_idle(now)

    def _release(self, ids: Iterable[int]) -> None:
        for attempt_id in ids:
            self._outstanding_bytes -= self._outstanding.pop(attempt_id, 0)

    def _leave_if_idle(self, now: float) -> None:
        if self.state is State.RETIRED and not self._outstanding:
            self.deadline = now + FAREWELL_SECONDS
            self._turn(State.LEAVING)

    def _end(self, reason: str, now: float, *, clean: bool) -> None:
        if self.state is State.ENDED:
            return
        self.end = End(self._welcomed, clean, reason)
        self.deadline = None
        self._unsent.clear()
        self._withdrawn.clear()
        self._outstanding.clear()
        self._outstanding_bytes = 0
        self._turn(State.ENDED)
        if self._welcomed:
            self._dispatching.link_down(self, now, clean=clean)

    def _turn(self, state: State) -> None:
        self.state = state
        self._effects.turned()
