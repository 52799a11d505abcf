"""Which replica gets which article, and what happens when replicas go.

              add                     assign                     started
    (new) ──────────▶ queued ──────────────────────▶ sent ──────────────────▶ running ──▶ answered
                         ▲                             │                         │
                         │  link down, never started   │    link down, not clean │
                         └─────────────────────────────┘                         ▼
                                             suspect: sent again, alone in its model batch
                                             deaths that prove something: poisoned

The queue stands above the links: streams take turns by bytes, and what a broken link leaves
unanswered goes back to the head of its stream's queue. What waits on a link that is silent is sent
to one idle replica, too: the first answer counts.
"""

from collections.abc import Hashable, Iterable, Sequence, Set

from newstally_gateway.core.replicas.accounts import Entry, LinkAccount
from newstally_gateway.core.replicas.assigner import Assigner
from newstally_gateway.core.replicas.costs import Costs
from newstally_gateway.core.replicas.entries import Entries
from newstally_gateway.core.replicas.fair_queue import FairQueue
from newstally_gateway.core.replicas.fleet import Fleet
from newstally_gateway.core.replicas.suspects import Suspects, Trials
from newstally_gateway.core.tasks import (
    Attempt,
    LinkKey,
    Oldest,
    Poisoned,
    Stages,
    StreamKey,
    Task,
    Window,
)

TRIAL_SECONDS = 300.0
"""How long the trials of a suspect may take together."""


class Dispatcher:
    """Decides for all streams and all links of the process."""

    def __init__(
        self,
        article_timeout: float,
        trial_seconds: float = TRIAL_SECONDS,
        stages: Stages | None = None,
    ) -> None:
        """`article_timeout`: seconds that a started article, or a silent link, is given.

        `trial_seconds`: how long the trials of a suspect may take together. `stages`: where to note
        how long articles took.
        """
        self._stages = stages
        self._timeout = article_timeout
        self._queue = FairQueue()
        self._costs = Costs()
        self._suspects = Suspects()
        self._trials = Trials(trial_seconds)
        self._fleet = Fleet()
        self._entries = Entries()
        self._assigner = Assigner(self._queue, self._suspects, self._fleet, self._entries)
        self._withdrawn: list[tuple[LinkKey, int]] = []

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

    def open(self, stream: StreamKey, owner: Hashable, weight: int) -> None:
        """Say whose a stream is, before it has tasks: owners take turns, by their weights."""
        self._queue.enrol(stream, owner, weight)

    def oldest(self, link: LinkKey) -> Oldest | None:
        """Return what a link has had for longest; None if it has nothing, or is not up."""
        account = self._fleet.get(link)
        return None if account is None else account.oldest()

    def add(self, task: Task) -> None:
        """Queue a task. A stream's tasks come in ascending offsets."""
        self._queue.add(task)

    def discard(self, stream: StreamKey, below: int | None = None) -> None:
        """Forget the stream's tasks: all, or those with an offset under `below`.

        What is on a link stays on its account, without its content, until answered.
        """
        self._queue.discard(stream, below)
        gone = self._entries.of_stream(stream, below)
        for entry in gone:
            self._fleet.break_promise(entry)
            self._suspects.remove(entry)
            self._forget(entry)
            entry.discard()
        self._withdraw(gone)

    def withdrawn(self) -> Sequence[tuple[LinkKey, int]]:
        """Return, once, the attempts on links whose answers nobody waits for any more.

        They stay outstanding until answered.
        """
        withdrawn, self._withdrawn = self._withdrawn, []
        return withdrawn

    def link_up(
        self,
        link: LinkKey,
        instance_id: str,
        window: Window,
        now: float,
        replica: Hashable = None,
    ) -> None:
        """Take in a link to a replica, whose process is `instance_id`. ValueError if it is up."""
        self._fleet.add(LinkAccount(link, instance_id, window, now, replica))

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

    def link_down(self, link: LinkKey, now: float, *, clean: bool) -> Sequence[Poisoned]:
        """Take back what the link has not answered; return what is given up.

        `clean`: the replica ended it in good order, so that nothing is suspect. Ignored for a
        link that is not up.
        """
        account = self._fleet.get(link)
        if account is None:
            return []
        self._retire(account)
        self._fleet.remove(account, now)
        innocent = clean or account.draining
        running = [on_link.entry for on_link in account.running.values()]
        # A batch of its own was all that ran: only then does the death prove something.
        alone = account.suspect if len(running) == 1 else None
        if not innocent and account.suspect is None:
            self._trials.broke(running, now)
        for entry in (on_link.entry for on_link in account.sent.values()):
            entry.attempts -= 1
            self._take_back(entry)
        poisoned: list[Poisoned] = []
        for entry in running:
            entry.attempts -= 1
            if innocent or entry.discarded or entry.attempts:
                self._take_back(entry)
            elif entry is alone and self._is_given_up(entry, account, now):
                self._forget(entry)
                poisoned.append(Poisoned(entry.task))
            else:
                entry.suspect = True
                self._suspects.append(entry, now, self._trials.pause(entry))
        return poisoned

    def _is_given_up(self, entry: Entry, account: LinkAccount, now: float) -> bool:
        """Note a death alone."""
        self._trials.died_alone(entry, account, self._fleet, now)
        only = self._fleet.replicas(now - self._trials.seconds) == 1
        return self._trials.is_poison(entry, only_replica=only)

    def started(self, link: LinkKey, ids: Iterable[int], now: float) -> None:
        """Note that a model batch with these attempts begins; unknown ids are ignored."""
        account = self._fleet.get(link)
        if account is None:
            return
        account.heard_at = now
        for attempt_id in ids:
            entry = account.start(attempt_id, now)
            if entry is not None and self._stages is not None:
                self._stages.waiting.observe(now - entry.task.admitted_at, now)

    def answered(
        self, link: LinkKey, attempt_id: int, now: float, cost_micros: int = 0
    ) -> Task | None:
        """Take an attempt off its link; None when it is late, unknown or discarded.

        `cost_micros`: the replica's processor time, charged to the stream; 0 if it is not known.
        """
        account = self._fleet.get(link)
        if account is None:
            return None
        account.heard_at = now
        entry = account.take(attempt_id)
        if entry is None:
            return None
        self._trials.answered()
        if cost_micros > 0:
            self._queue.charge(
                entry.task.stream, self._costs.surcharge(entry.size_bytes, cost_micros)
            )
        if entry.discarded:
            return None
        if self._stages is not None and entry.began_at is not None:
            self._stages.extraction.observe(now - entry.began_at, now)
        self._forget(entry)
        task = entry.task
        if entry.attempts:  # the other answer means nothing
            entry.discard()
            self._withdraw({entry})
        return task

    def handed_back(self, link: LinkKey, ids: Iterable[int], now: float) -> None:
        """Queue again what a replica has started and not begun; unknown ids are ignored."""
        account = self._fleet.get(link)
        if account is None:
            return
        account.heard_at = now
        for attempt_id in ids:
            entry = account.take(attempt_id)
            if entry is not None:
                self._take_back(entry)

    def assign(self, now: float) -> list[Attempt]:
        """Return all that can be sent now; it counts as sent."""
        return self._assigner.assign(now)

    def expired(self, now: float) -> list[LinkKey]:
        """Return the links that ran out of time: break them, then `link_down(clean=False)`."""
        return [
            account.key
            for account in self._fleet
            if (deadline := account.deadline(self._timeout)) is not None and deadline <= now
        ]

    def next_deadline(self, now: float) -> float | None:
        """Return when `expired` or `assign` may have something, if nothing happens before."""
        deadlines = [account.deadline(self._timeout) for account in self._fleet]
        if self._fleet.usable:
            deadlines.append(self._assigner.next_chance(now))
        return min((d for d in deadlines if d is not None), default=None)

    def _withdraw(self, entries: Set[Entry]) -> None:
        for account in self._fleet if entries else ():
            self._withdrawn += [(account.key, each) for each in account.attempts_at(entries)]

    def _forget(self, entry: Entry) -> None:
        """Keep track of a task no more."""
        if entry.deaths_alone:
            self._trials.forget(entry)
        self._entries.forget(entry)

    def _take_back(self, entry: Entry, *, refund: bool = False) -> None:
        """Let a task go elsewhere that nothing speaks against."""
        if entry.attempts:  # it is on another link as well
            entry.doubled = False
            return
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
