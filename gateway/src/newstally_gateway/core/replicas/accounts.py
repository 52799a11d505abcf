"""What is outstanding on a link, and whether more may be sent on it.

There is room for an article if nothing is outstanding, or if fewer articles than the window's are,
the bytes stay within the window, and the long articles within their share of it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace

from newstally_gateway.core.tasks import LinkKey, Task, Window

LONG_PART = 4
"""An article over a quarter of the window is long."""
LONG_SHARE_PART = 2
"""The long ones on a link take at most half of its window, or one of them."""
PATIENCE = 10
"""An article that a replica never starts is waited for this many times the timeout."""


class Entry:
    """A task that left the queue: on a link, promised a place on one, or suspect."""

    __slots__ = (
        "attempt_id",
        "deaths_alone",
        "died_on",
        "discarded",
        "promised_by",
        "since",
        "size_bytes",
        "suspect",
        "task",
    )

    def __init__(self, task: Task) -> None:
        self.task = task
        self.size_bytes = task.size_bytes
        self.discarded = False
        """Forgotten, but still on a link."""
        self.suspect = False
        self.died_on: frozenset[str] = frozenset()
        """The replica instances whose links broke while they worked on it alone."""
        self.deaths_alone = 0
        """How often that happened, whichever the instance."""
        self.attempt_id = 0
        """0: on no link."""
        self.since = 0.0
        """When it was sent, or started once it is."""
        self.promised_by: LinkAccount | None = None
        """The link that keeps room for it."""

    def discard(self) -> None:
        """Forget the content; its memory was given back to admission."""
        self.discarded = True
        self.task = replace(self.task, content="")


class LinkAccount:
    """One link's window and what is outstanding on it."""

    __slots__ = (
        "_articles",
        "_bytes",
        "_long_bytes",
        "_longs",
        "draining",
        "heard_at",
        "instance_id",
        "key",
        "outstanding_bytes",
        "promised",
        "running",
        "sent",
        "suspect",
    )

    def __init__(self, key: LinkKey, instance_id: str, window: Window, now: float) -> None:
        self.key = key
        self.instance_id = instance_id
        self.draining = False
        self.heard_at = now
        """When anything was heard on it last, or it began to owe an answer."""
        self.sent: OrderedDict[int, Entry] = OrderedDict()
        """Not started, by time of sending."""
        self.running: OrderedDict[int, Entry] = OrderedDict()
        """By time of starting."""
        self.suspect: Entry | None = None
        """The one suspect that is outstanding on it."""
        self.promised: Entry | None = None
        """What it keeps room for: others may only use what that leaves."""
        self.outstanding_bytes = 0
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
        longs = [entry.size_bytes for entry in self.entries() if self.is_long(entry.size_bytes)]
        self._longs = len(longs)
        self._long_bytes = sum(longs)

    def entries(self) -> Iterator[Entry]:
        """Return all that is outstanding."""
        yield from self.sent.values()
        yield from self.running.values()

    def is_long(self, size: int) -> bool:
        """Say whether an article of that size is long here."""
        return size * LONG_PART > self._bytes

    def has_room(self, size: int) -> bool:
        """Say whether an article of that size can be sent now, beside what is promised."""
        promised = self.promised
        if promised is None:
            return self._fits(size)
        return (
            len(self.sent) + len(self.running) + 1 < self._articles
            and self.outstanding_bytes + promised.size_bytes + size <= self._bytes
            and size * LONG_PART <= self._bytes
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
        self.sent[attempt_id] = entry
        entry.attempt_id = attempt_id
        entry.since = now
        size = entry.size_bytes
        self.outstanding_bytes += size
        if self.is_long(size):
            self._longs += 1
            self._long_bytes += size
        if entry.suspect:
            self.suspect = entry

    def start(self, attempt_id: int, now: float) -> None:
        """Note that an attempt is in a model batch; an unknown one is ignored."""
        entry = self.sent.pop(attempt_id, None)
        if entry is not None:
            entry.since = now
            self.running[attempt_id] = entry

    def take(self, attempt_id: int) -> Entry | None:
        """Take an attempt off the account; None when it is not on it."""
        entry = self.running.pop(attempt_id, None) or self.sent.pop(attempt_id, None)
        if entry is None:
            return None
        size = entry.size_bytes
        self.outstanding_bytes -= size
        if self.is_long(size):
            self._longs -= 1
            self._long_bytes -= size
        if self.suspect is entry:
            self.suspect = None
        entry.attempt_id = 0
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
            or size * LONG_PART <= self._bytes
            or (self._long_bytes + size) * LONG_SHARE_PART <= self._bytes
        )
