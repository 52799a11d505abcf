"""Which replica gets which article, and what happens when replicas go.

              add                     assign                     started
    (new) ──────────▶ queued ──────────────────────▶ sent ──────────────────▶ running ──▶ answered
                         ▲                             │                         │
                         │  link down, never started   │    link down, not clean │
                         └─────────────────────────────┘                         ▼
                                             suspect: sent again, alone in its model batch
                                             deaths alone on two instances, or four
                                             deaths alone in all: poisoned

The queue stands above the links: streams take turns by bytes, and what a broken link leaves
unanswered goes back to the head of its stream's queue.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto

from newstally_gateway.core.replicas.accounts import Entry, LinkAccount
from newstally_gateway.core.replicas.fair_queue import FairQueue
from newstally_gateway.core.replicas.fleet import Fleet, emptiest_to_promise, emptiest_with_room
from newstally_gateway.core.replicas.suspects import (
    Suspects,
    candidates,
    die_alone,
    is_free,
    is_poison,
)
from newstally_gateway.core.tasks import Attempt, LinkKey, Poisoned, StreamKey, Task, Window


class Dispatcher:
    """Decides for all streams and all links of the process."""

    def __init__(self, article_timeout: float) -> None:
        """`article_timeout`: seconds that a started article, or a silent link, is given."""
        self._timeout = article_timeout
        self._queue = FairQueue()
        self._suspects = Suspects()
        self._fleet = Fleet()
        # Every task that left the queue, by stream and offset.
        self._entries: dict[StreamKey, dict[int, Entry]] = {}
        self._last_attempt = 0

    @property
    def queued(self) -> int:
        """Tasks that are on no link, suspects included."""
        return len(self._queue) + len(self._suspects) + self._fleet.promises

    @property
    def outstanding(self) -> int:
        """Attempts that are on links, discarded ones included."""
        return sum(link.outstanding for link in self._fleet)

    @property
    def outstanding_bytes(self) -> int:
        """Their content."""
        return sum(link.outstanding_bytes for link in self._fleet)

    @property
    def suspects(self) -> int:
        """Suspected tasks that are on no link."""
        return len(self._suspects)

    @property
    def usable_links(self) -> int:
        """Links that are up and take new work."""
        return len(self._fleet.usable)

    def add(self, task: Task) -> None:
        """Queue a task. A stream's tasks come in ascending offsets."""
        self._queue.add(task)

    def discard(self, stream: StreamKey, below: int | None = None) -> None:
        """Forget the stream's tasks: all, or those with an offset under `below`.

        What is on a link stays on its account, without its content, until answered.
        """
        self._queue.discard(stream, below)
        entries = self._entries.get(stream, {})
        for entry in [e for offset, e in entries.items() if below is None or offset < below]:
            self._fleet.break_promise(entry)
            self._suspects.remove(entry)
            self._forget(entry)
            entry.discard()

    def link_up(self, link: LinkKey, instance_id: str, window: Window, now: float) -> None:
        """Take in a link: its replica's process is `instance_id`. ValueError if it is up."""
        self._fleet.add(LinkAccount(link, instance_id, window, now))

    def link_window(self, link: LinkKey, window: Window) -> None:
        """Set a link's window anew; ignored for a link that is not up."""
        account = self._fleet.get(link)
        if account is not None:
            account.set_window(window)

    def link_draining(self, link: LinkKey) -> None:
        """Send nothing new on the link, and suspect nothing when it ends; ignored if not up."""
        account = self._fleet.get(link)
        if account is not None and not account.draining:
            account.draining = True
            self._retire(account)

    def link_down(self, link: LinkKey, *, clean: bool) -> Sequence[Poisoned]:
        """Take back what the link has not answered; return what is given up.

        `clean`: the replica ended it in good order, so that nothing is suspect. Ignored for a
        link that is not up.
        """
        account = self._fleet.get(link)
        if account is None:
            return []
        self._retire(account)
        self._fleet.remove(account)
        innocent = clean or account.draining
        # A batch of its own was all that ran: only then does the death prove something.
        alone = account.suspect if len(account.running) == 1 else None
        for entry in account.sent.values():
            self._take_back(entry)
        poisoned: list[Poisoned] = []
        for entry in account.running.values():
            if innocent or entry.discarded:
                self._take_back(entry)
                continue
            if entry is alone:
                die_alone(entry, account.instance_id)
            if is_poison(entry):
                self._forget(entry)
                poisoned.append(Poisoned(entry.task))
            else:
                entry.attempt_id = 0
                entry.suspect = True
                self._suspects.append(entry)
        return poisoned

    def started(self, link: LinkKey, ids: Iterable[int], now: float) -> None:
        """Note that a model batch with these attempts begins; unknown ids are ignored."""
        account = self._fleet.get(link)
        if account is None:
            return
        account.heard_at = now
        for attempt_id in ids:
            account.start(attempt_id, now)

    def answered(self, link: LinkKey, attempt_id: int, now: float) -> Task | None:
        """Take an attempt off its link; None when it is late, unknown or discarded."""
        account = self._fleet.get(link)
        if account is None:
            return None
        account.heard_at = now
        entry = account.take(attempt_id)
        if entry is None or entry.discarded:
            return None
        self._forget(entry)
        return entry.task

    def assign(self, now: float) -> list[Attempt]:
        """Return all that can be sent now; it counts as sent."""
        attempts: list[Attempt] = []
        if self._fleet.usable:
            self._keep_promises(now, attempts)
            self._try_suspects(now, attempts)
            self._take_turns(now, attempts)
        return attempts

    def expired(self, now: float) -> list[LinkKey]:
        """Return the links that ran out of time: break them, then `link_down(clean=False)`."""
        return [
            account.key
            for account in self._fleet
            if (deadline := account.deadline(self._timeout)) is not None and deadline <= now
        ]

    def next_deadline(self) -> float | None:
        """Return when `expired` may next have something, if nothing happens before."""
        deadlines = (account.deadline(self._timeout) for account in self._fleet)
        return min((d for d in deadlines if d is not None), default=None)

    def _keep_promises(self, now: float, attempts: list[Attempt]) -> None:
        """Send what links keep room for: there, or where there is room first."""
        if not self._fleet.promises:
            return
        for account in self._fleet.usable:
            entry = account.promised
            if entry is None:
                continue
            if account.can_keep_promise():
                target: LinkAccount | None = account
            else:
                usable = self._fleet.usable
                links = candidates(entry, usable) if entry.suspect else usable
                target = emptiest_with_room(links, entry.size_bytes)
            if target is not None:
                self._fleet.break_promise(entry)
                self._send(entry, target, now, attempts)

    def _try_suspects(self, now: float, attempts: list[Attempt]) -> None:
        """Give each link that has none a suspect, or have it keep room for one."""
        if not self._suspects or not any(map(is_free, self._fleet.usable)):
            return
        for entry in self._suspects.first(len(self._fleet.usable)):
            links = candidates(entry, self._fleet.usable)
            target = emptiest_with_room(links, entry.size_bytes)
            if target is not None:
                self._suspects.remove(entry)
                self._send(entry, target, now, attempts)
                continue
            promiser = emptiest_to_promise(links, entry.size_bytes)
            if promiser is not None:
                self._suspects.remove(entry)
                self._fleet.promise(entry, promiser)

    def _take_turns(self, now: float, attempts: list[Attempt]) -> None:
        """Place what the queue gives, until one article has to wait for room.

        A short article that has no room holds up all others: if smaller ones went past it, it
        might starve. That costs little: links without room for it are almost full.
        """
        queue = self._queue
        while (task := queue.stalled_head()) is not None:
            placement = self._place(task, now, attempts)
            if placement is _Placement.STALLS:
                break
            queue.resume()
            if placement is _Placement.WAITS:
                return
            queue.take()
        while (task := queue.head()) is not None:
            placement = self._place(task, now, attempts)
            if placement is _Placement.WAITS:
                return
            if placement is _Placement.STALLS:
                queue.stall()
            else:
                queue.take()

    def _place(self, task: Task, now: float, attempts: list[Attempt]) -> "_Placement":
        """Send a queued task, or have room kept for it; or say how it has to wait."""
        size = task.size_bytes
        target = emptiest_with_room(self._fleet.usable, size)
        if target is not None:
            self._send(self._enter(task), target, now, attempts)
            return _Placement.PLACED
        if not all(link.is_long(size) for link in self._fleet.usable):
            return _Placement.WAITS
        promiser = emptiest_to_promise(self._fleet.usable, size)
        if promiser is None:
            return _Placement.STALLS
        self._fleet.promise(self._enter(task), promiser)
        return _Placement.PLACED

    def _send(
        self, entry: Entry, account: LinkAccount, now: float, attempts: list[Attempt]
    ) -> None:
        self._last_attempt += 1
        account.send(entry, self._last_attempt, now)
        attempts.append(Attempt(account.key, self._last_attempt, entry.task, entry.suspect))

    def _enter(self, task: Task) -> Entry:
        """Keep track of a task that leaves the queue."""
        entry = Entry(task)
        self._entries.setdefault(task.stream, {})[task.offset] = entry
        return entry

    def _forget(self, entry: Entry) -> None:
        """Keep track of a task no more."""
        task = entry.task
        entries = self._entries[task.stream]
        del entries[task.offset]
        if not entries:
            del self._entries[task.stream]

    def _take_back(self, entry: Entry, *, refund: bool = False) -> None:
        """Let a task go elsewhere that nothing speaks against."""
        entry.attempt_id = 0
        if entry.discarded:
            return
        if entry.suspect:
            self._suspects.give_back(entry)
        else:
            self._forget(entry)
            self._queue.give_back(entry.task, refund=refund)

    def _retire(self, account: LinkAccount) -> None:
        """Let the link take nothing new, and what it keeps room for go elsewhere."""
        entry = self._fleet.retire(account)
        if entry is not None:
            self._take_back(entry, refund=True)


class _Placement(Enum):
    PLACED = auto()
    """Sent, or promised a place."""
    WAITS = auto()
    """For room that short articles leave soon."""
    STALLS = auto()
    """For a long one to be answered; other streams need not wait for it."""
