"""What is outstanding on a link, and whether more may be sent on it.

There is room for an article if nothing is outstanding, or if fewer articles than the window's are,
the bytes stay within the window, and the long articles within their share of it.
"""

from collections import OrderedDict
from collections.abc import Container, Hashable, Iterator
from dataclasses import replace
from itertools import chain

from newstally_gateway.core.tasks import LinkKey, Oldest, StreamKey, Task, Window

LONG_PART = 4
"""An article over a quarter of the window is long."""
LONG_SHARE_PART = 2
"""The long ones on a link take at most half of its window, or one of them."""
PATIENCE = 10
"""An article that a replica never starts is waited for this many times the timeout."""
SILENCE_SECONDS = 3.0
"""A link that owes answers and says nothing for so long is silent."""


class Entry:
    """A task that left the queue: on one link or two, promised a place on one, or suspect."""

    __slots__ = (
        "answers_before",
        "attempts",
        "began_at",
        "counted",
        "deaths_alone",
        "died_on",
        "discarded",
        "doubled",
        "promised_by",
        "proven",
        "size_bytes",
        "suspect",
        "task",
    )

    def __init__(self, task: Task) -> None:
        self.task = task
        self.size_bytes = task.size_bytes
        self.attempts = 0
        """On how many links it is."""
        self.began_at: float | None = None
        """When a replica began with it, the last time."""
        self.doubled = False
        """It was given to a second link, because the first one is silent."""
        self.discarded = False
        """Forgotten, but still on a link."""
        self.promised_by: LinkAccount | None = None
        """The link that keeps room for it."""
        self.suspect = False
        self.died_on: frozenset[str] = frozenset()
        """The replica instances whose links broke while they worked on it alone."""
        self.deaths_alone = 0
        """How often that happened, whichever the instance."""
        self.counted: list[tuple[str, float]] = []
        """Those deaths that speak against it: instance and time."""
        self.proven = 0
        """How many of all those deaths had other work answered since the one before."""
        self.answers_before = 0
        """How much had been answered at the last one."""

    @property
    def key(self) -> tuple[StreamKey, int]:
        """Whose it is, and which."""
        return self.task.stream, self.task.offset

    def discard(self) -> None:
        """Forget the content; its memory was given back to admission."""
        self.discarded = True
        self.task = replace(self.task, content="")


class OnLink:
    """An attempt on a link."""

    __slots__ = ("entry", "is_copy", "since")

    def __init__(self, entry: Entry, since: float, *, is_copy: bool) -> None:
        self.entry = entry
        self.since = since
        """When it was sent, or started once it is."""
        self.is_copy = is_copy
        """The entry was on another link already."""


class LinkAccount:
    """One link's window and what is outstanding on it."""

    __slots__ = (
        "_articles",
        "_bytes",
        "_long_bytes",
        "_long_over",
        "_longs",
        "began_at",
        "copies",
        "draining",
        "heard_at",
        "instance_id",
        "key",
        "outstanding_bytes",
        "promised",
        "replica",
        "running",
        "sent",
        "suspect",
    )

    def __init__(
        self, key: LinkKey, instance_id: str, window: Window, now: float, replica: Hashable = None
    ) -> None:
        self.key = key
        self.instance_id = instance_id
        self.replica = key if replica is None else replica
        """What it is to, whichever process is there."""
        self.began_at = now
        """When it came up."""
        self.draining = False
        self.heard_at = now
        """When anything was heard on it last, or it began to owe an answer."""
        self.sent: OrderedDict[int, OnLink] = OrderedDict()
        """Not started, by time of sending."""
        self.running: OrderedDict[int, OnLink] = OrderedDict()
        """By time of starting."""
        self.suspect: Entry | None = None
        """The one suspect that is outstanding on it."""
        self.promised: Entry | None = None
        """What it keeps room for: others may only use what that leaves."""
        self.outstanding_bytes = 0
        self.copies = 0
        """How many attempts are only here because another link is silent."""
        self._longs = 0
        self._long_bytes = 0
        self.set_window(window)

    @property
    def outstanding(self) -> int:
        """How many attempts are unanswered."""
        return len(self.sent) + len(self.running)

    def set_window(self, window: Window) -> None:
        """Set the window, and find anew what is long in it."""
        self._articles = max(1, window.articles)
        self._bytes = max(1, window.size_bytes)
        self._long_over = self._bytes // LONG_PART
        longs = [entry.size_bytes for entry in self.entries() if self.is_long(entry.size_bytes)]
        self._longs = len(longs)
        self._long_bytes = sum(longs)

    def running_since(self) -> float:
        """Return when what runs longest was started; when the link came up if nothing runs."""
        return next(iter(self.running.values())).since if self.running else self.began_at

    def oldest(self) -> Oldest | None:
        """Return what runs longest, or was sent first if nothing runs; None: it has nothing."""
        for on_links in (self.running, self.sent):
            for on_link in on_links.values():
                task, running = on_link.entry.task, on_links is self.running
                return Oldest(
                    task.stream, task.offset, on_link.entry.size_bytes, running, on_link.since
                )
        return None

    def entries(self) -> Iterator[Entry]:
        """Return all that is outstanding."""
        for on_link in chain(self.sent.values(), self.running.values()):
            yield on_link.entry

    def is_long(self, size: int) -> bool:
        """Say whether an article of that size is long here."""
        return size > self._long_over

    def has_room(self, size: int) -> bool:
        """Say whether an article of that size can be sent now, beside what is promised."""
        promised = self.promised
        if promised is None:
            return self._fits(size)
        return (
            len(self.sent) + len(self.running) + 1 < self._articles
            and self.outstanding_bytes + promised.size_bytes + size <= self._bytes
            and size <= self._long_over
        )

    def can_promise(self, size: int) -> bool:
        """Say whether room can be kept for an article: nothing but short ones is in its way."""
        return self.promised is None and self._shares_long(size)

    def can_keep_promise(self) -> bool:
        """Say whether there is room now for what is promised."""
        return self.promised is not None and self._fits(self.promised.size_bytes)

    def send(self, entry: Entry, attempt_id: int, now: float) -> None:
        """Put an entry on the account."""
        if not self.sent and not self.running:
            self.heard_at = now
        is_copy = entry.attempts > 0
        self.sent[attempt_id] = OnLink(entry, now, is_copy=is_copy)
        entry.attempts += 1
        entry.doubled = is_copy
        self.copies += is_copy
        size = entry.size_bytes
        self.outstanding_bytes += size
        if size > self._long_over:
            self._longs += 1
            self._long_bytes += size
        if entry.suspect:
            self.suspect = entry

    def start(self, attempt_id: int, now: float) -> Entry | None:
        """Note that an attempt is in a model batch; None if it is not one of those sent."""
        on_link = self.sent.pop(attempt_id, None)
        if on_link is None:
            return None
        on_link.since = on_link.entry.began_at = now
        self.running[attempt_id] = on_link
        return on_link.entry

    def take(self, attempt_id: int) -> Entry | None:
        """Take an attempt off the account; None when it is not on it."""
        on_link = self.running.pop(attempt_id, None) or self.sent.pop(attempt_id, None)
        if on_link is None:
            return None
        entry = on_link.entry
        self.copies -= on_link.is_copy
        size = entry.size_bytes
        self.outstanding_bytes -= size
        if size > self._long_over:
            self._longs -= 1
            self._long_bytes -= size
        if self.suspect is entry:
            self.suspect = None
        entry.attempts -= 1
        return entry

    def deadline(self, timeout: float) -> float | None:
        """Return when the link has run out of time; None while nothing is outstanding.

        What runs has `timeout` from its start. What only waits is no reason to break a link that
        is heard of, within PATIENCE times `timeout` from sending.
        """
        deadlines = []
        if self.running:
            deadlines.append(next(iter(self.running.values())).since + timeout)
        if self.sent:
            oldest = next(iter(self.sent.values())).since
            deadlines += [self.heard_at + timeout, oldest + PATIENCE * timeout]
        return min(deadlines, default=None)

    @property
    def is_idle(self) -> bool:
        """Whether its replica has nothing to do but what another may do as well."""
        return len(self.sent) + len(self.running) == self.copies

    def attempts_at(self, entries: Container[Entry]) -> list[int]:
        """Return the attempts at these that have not started."""
        return [number for number, on_link in self.sent.items() if on_link.entry in entries]

    def doubtful_at(self) -> float | None:
        """Return when the link is doubted if nothing is heard; None if nothing could be doubled."""
        first = next(self.undoubled(), None)
        return None if first is None else max(self.heard_at, first.since) + SILENCE_SECONDS

    def undoubled(self) -> Iterator[OnLink]:
        """Return what waits here and nowhere else, and may be sent elsewhere."""
        for on_link in self.sent.values():
            entry = on_link.entry
            if not (entry.doubled or entry.suspect or entry.discarded):
                yield on_link

    def _fits(self, size: int) -> bool:
        outstanding = len(self.sent) + len(self.running)
        if not outstanding:
            return True
        return (
            outstanding < self._articles
            and self.outstanding_bytes + size <= self._bytes
            and self._shares_long(size)
        )

    def _shares_long(self, size: int) -> bool:
        return (
            not self._longs
            or size <= self._long_over
            or (self._long_bytes + size) * LONG_SHARE_PART <= self._bytes
        )
