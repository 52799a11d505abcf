"""The replica: the links' work goes through the engine, batch by batch.

idle ──work waits──▶ announcing ──each Started has left, or its link is over──▶ working
 ▲                      │                                                       ▲   │
 │                      └──a suspect──▶ pausing ──LONE_PAUSE_SECONDS later──────┘   │
 └──────────────────────────────────── answers ─────────────────────────────────────┘
"""

from collections import defaultdict
from collections.abc import Sequence
from enum import Enum, auto
from typing import Protocol

from newstally_protos.tracing.traceparent import read
from newstally_protos.v1 import extractor_pb2 as pb

from newstally_extractor.core.answers import answer, content_too_long, pack
from newstally_extractor.core.costs import estimate_cost
from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.core.link import Announcement, Link
from newstally_extractor.core.link import Effects as LinkEffects
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Extracted

STALL_SECONDS = 5.0
"""How long a gateway may keep a model batch from beginning by not reading its Started."""
IDLE_SECONDS = 5.0
"""A link that had nothing unanswered for so long counts as idle."""
LONE_PAUSE_SECONDS = 0.05
"""How long the engine waits before it begins with a suspect, after Started has left the process.

When a process dies, the kernel may reset its connections, and a reset makes a busy peer throw
away what it has not read yet: seen once in 60 times with a backlog of results before Started.
"""


class State(Enum):
    """What becomes of the model batch."""

    IDLE = auto()
    """There is none."""
    ANNOUNCING = auto()
    """Its gateways are being told that it begins."""
    PAUSING = auto()
    """They have been, and a suspect lets them read it."""
    WORKING = auto()
    """The engine has it."""


class Effects(Protocol):
    """What a replica wants to be done."""

    def stirred(self) -> None:
        """Call `Replica.work` soon, once for all that happens until then."""
        ...

    def stalled(self) -> None:
        """Note that a link was cut because its gateway does not read."""
        ...

    def answered(self, results: Sequence[pb.Result]) -> None:
        """Note that these were sent."""
        ...


class Replica:
    """Owns the links and the work that waits."""

    def __init__(
        self,
        inbox: Inbox[Link],
        window: Window,
        identity: pb.Welcome,
        max_content_bytes: int,
        send_limit_bytes: int,
        effects: Effects,
    ) -> None:
        """`window` is the total that the links share; `identity` is Welcome without a window."""
        self._inbox = inbox
        self._window = window
        self._identity = identity
        self._max_content_bytes = max_content_bytes
        self._send_limit_bytes = send_limit_bytes
        self._effects = effects
        # By what time each had work last; in order of coming, so that equal runs are equal.
        self._links: dict[Link, float] = {}
        self._working_links: set[Link] = set()
        self._announcements: dict[Link, Announcement] = {}
        self.state = State.IDLE
        self.deadline: float | None = None
        """When `work` has something to do, if nothing happens before."""
        self.batch: Sequence[Work[Link]] = ()
        """What the engine has to work on, while WORKING."""
        self.draining = False
        """Takes no new links."""

    @property
    def links(self) -> int:
        """How many links are open."""
        return len(self._links)

    @property
    def waiting_articles(self) -> int:
        """How many articles wait for a model batch."""
        return self._inbox.articles

    @property
    def waiting_bytes(self) -> int:
        """Their content."""
        return self._inbox.size_bytes

    # The links' side

    def open(self, effects: LinkEffects) -> Link:
        """Add a link; the others' windows shrink."""
        link = Link(self._identity, self._window.share(len(self._links) + 1), effects)
        self._links[link] = 0.0
        self._share_window()
        return link

    def close(self, link: Link) -> None:
        """Forget a link and what waits of it; the others' windows grow. Again: no effect."""
        link.close()
        if link in self._links:
            del self._links[link]
            self._working_links.discard(link)
            self._inbox.drop(link)
            self._share_window()
            self._effects.stirred()

    def take(self, link: Link, request: pb.ExtractRequest, now: float) -> None:
        """Let work from a link wait for its turn; content that is too long is answered at once.

        Nobody hears of what still comes from a link that is over: it is dropped.
        """
        if link.is_over:
            return
        link.takes_back = link.takes_back or request.takes_back
        for work in request.work:
            content = work.content
            data = content.encode()
            size = len(data)
            link.take(size)
            if size > self._max_content_bytes:
                refusal = content_too_long(work.id, size, self._max_content_bytes)
                self._send(link, [(refusal, size)])
            else:
                cost = estimate_cost(len(content), data)
                trace = read(work.traceparent) if work.traceparent else None
                self._inbox.add(Work(link, work.id, content, size, work.alone, cost, now, trace))
        if request.withdrawn:
            dropped = self._inbox.withdraw(link, set(request.withdrawn))
            self._send(link, [(pb.Result(id=work.id), work.size_bytes) for work in dropped])
        if request.work and link not in self._working_links:
            self._working_links.add(link)
            self._share_window()
        self._links[link] = now
        self._effects.stirred()

    def accepted(self, link: Link) -> None:
        """Note that the transport has accepted what the link gave it last."""
        link.accepted()
        if self.state is State.ANNOUNCING:
            self._effects.stirred()

    def report(self, report: pb.ExtractResponse) -> None:
        """Let all gateways know how the replica is."""
        for link in self._links:
            link.report(report)

    # The engine's side

    def work(self, now: float) -> None:
        """Go on with the model batch, as far as it can. Nothing waits for a batch to fill."""
        self._look_for_idle_links(now)
        if self.state is State.ANNOUNCING and self.deadline is not None and now >= self.deadline:
            self._cut_stalled()
        moved = True
        while moved:
            match self.state:
                case State.IDLE:
                    moved = self._announce(now)
                case State.ANNOUNCING:
                    moved = self._look_who_knows(now)
                case State.PAUSING:
                    moved = self.deadline is not None and now >= self.deadline
                    if moved:
                        self._turn(State.WORKING)
                case State.WORKING:
                    moved = False

    def done(self, extracted: Sequence[Extracted | None]) -> None:
        """Answer the batch, of which one is None for each article that was not begun.

        Only what is `returnable` may be: it is handed back.
        """
        answers: defaultdict[Link, list[tuple[pb.Result, int]]] = defaultdict(list)
        returned: defaultdict[Link, list[Work[Link]]] = defaultdict(list)
        for work, one in zip(self.batch, extracted, strict=True):
            if one is None:
                returned[work.link].append(work)
            else:
                result = answer(work.id, work.size_bytes, one.outcome)
                result.cost_micros = round(one.seconds * 1e6)
                answers[work.link].append((result, work.size_bytes))
        for link, of_link in answers.items():
            self._send(link, of_link)
        for link, works in returned.items():
            link.hand_back([work.id for work in works], [work.size_bytes for work in works])
        self._turn(State.IDLE)
        self.batch = ()
        self._effects.stirred()

    # The end

    def drain(self) -> None:
        """Take no new links; end each when everything that came on it is answered."""
        self.draining = True
        for link in self._links:
            link.drain()

    def end(self) -> None:
        """End the links in good order, whatever is unanswered."""
        for link in self._links:
            link.end()

    # The model batch

    def _announce(self, now: float) -> bool:
        """Take a batch and send each of its links its Started; False when nothing waits."""
        self.batch = self._inbox.next_batch()
        if not self.batch:
            return False
        ids: defaultdict[Link, list[int]] = defaultdict(list)
        for work in self.batch:
            ids[work.link].append(work.id)
        self._announcements = {link: link.announce(of_link) for link, of_link in ids.items()}
        self._turn(State.ANNOUNCING, now + STALL_SECONDS)
        return True

    def _look_who_knows(self, now: float) -> bool:
        """Go on once it is known of each gateway whether it has been told; leave the others out."""
        if any(each.has_left is None for each in self._announcements.values()):
            return False
        self.batch = [work for work in self.batch if self._announcements[work.link].has_left]
        self._announcements = {}
        if not self.batch:
            self._turn(State.IDLE)
        elif self.batch[0].alone:
            self._turn(State.PAUSING, now + LONE_PAUSE_SECONDS)
        else:
            self._turn(State.WORKING)
        return True

    def _cut_stalled(self) -> None:
        for link, announcement in self._announcements.items():
            if announcement.has_left is None:
                self._effects.stalled()
                link.cut()
                self.close(link)

    def _send(self, link: Link, answers: list[tuple[pb.Result, int]]) -> None:
        sizes = iter([size for _, size in answers])
        results = [result for result, _ in answers]
        for group in pack(results, self._send_limit_bytes):
            link.answer(group, [next(sizes) for _ in group])
        self._effects.answered(results)

    def _look_for_idle_links(self, now: float) -> None:
        idle = set()
        for link in self._working_links:
            if not link.is_idle:
                self._links[link] = now
            elif self._links[link] + IDLE_SECONDS <= now:
                idle.add(link)
        if idle:
            self._working_links -= idle
            self._share_window()

    def _share_window(self) -> None:
        """Share the window over the links that work.

        An idle one may begin with its part among all, so that together they never have more than
        twice the window.
        """
        working = self._window.share(len(self._working_links))
        idle = self._window.share(len(self._links))
        for link in self._links:
            link.set_window(working if link in self._working_links else idle)

    def _turn(self, state: State, deadline: float | None = None) -> None:
        self.state = state
        self.deadline = deadline
