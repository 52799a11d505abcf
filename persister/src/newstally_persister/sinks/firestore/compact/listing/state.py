"""What is held of all publications for their lists, and what is to be done. Pure.

    attempting ──▶ what is complete is kept as a snapshot, before rows of the next flush come
    applied    ──▶ its rows are added, if the log's number says that nothing came in between
    completed  ──▶ what is held is what this flush left, until rows of the next one are attempted

What is not held any more, or cannot be trusted, is read anew (`rebuilding`): after a start, a lost
reply, a part of another persister, a new last day.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from newstally_persister.sinks.firestore.compact.listing.tracked import Snapshot, Tracked
from newstally_persister.values.parts import Row

HELD_ROWS = 400_000
"""Of all publications: some 100 MB. The ones that changed least recently are forgotten."""
PUBLICATIONS_HELD = 10_000
"""Of which something is known, be it the times of their lists."""
QUEUED_ROWS = 50_000
"""Of one publication, that wait while it is read."""
Arrived = tuple[int | None, Sequence[Row], int]
"""(the log's number of parts after it, or None; its rows; the latest day that may be the last)."""


@dataclass(frozen=True, slots=True)
class Known:
    """A list as it is stored."""

    parts: int
    update_time: Any
    last: str
    """Its last day; "" for that of all time."""


@dataclass(slots=True)
class Publication:
    """What is known of one publication's lists."""

    name: str
    """Of its document."""
    tracked: Tracked | None = None
    attempted: int = 0
    """The last flush of which rows were sent."""
    changed: bool = False
    """Whether more was applied than the last snapshot shows."""
    ready: Snapshot | None = None
    """To be written."""
    listed_at: float | None = None
    """When lists were written last."""
    known: Mapping[str, Known] | None = None
    """The stored lists, by name; None: not known."""
    since: int | None = None
    """A day that has articles."""
    failed: bool = False
    """Whether the last try to make or write its lists failed."""
    arriving: list[Arrived] | None = None
    """What came while it is being read; None: it is not being read."""

    def arrived(self, arrived: Arrived) -> None:
        """Take rows of a part that is applied."""
        number, rows, limit = arrived
        self.changed = True
        if self.arriving is not None:
            self.arriving.append(arrived)
            if sum(len(some) for _, some, _ in self.arriving) > QUEUED_ROWS:
                # As if it were not known what came: it will be read again.
                self.arriving = [(None, (), limit)]
            return
        if self.tracked is None:
            self._note_days(rows, limit)
        elif number is None or not self.tracked.add(number, rows, limit):
            self.since = None if self.tracked.days is None else self.tracked.days.last
            self._note_days(rows, limit)
            self.tracked = None

    def rebuilt(self, tracked: Tracked | None) -> None:
        """Take what was read, and what came meanwhile; None: it cannot be used."""
        arrived, self.arriving = self.arriving or [], None
        self.tracked = tracked
        for each in arrived:
            number = each[0]
            if tracked is None or number is None or number > tracked.parts:
                self.arrived(each)

    def _note_days(self, rows: Sequence[Row], limit: int) -> None:
        days = [day for row in rows for day, *_ in row.days if day <= limit]
        if days:
            self.since = max(days) if self.since is None else max(self.since, *days)


@dataclass(slots=True)
class Lists:
    """All publications, and how far the journal is."""

    every_seconds: float
    journal_id: str = ""
    completed: int | None = None
    """The last flush of which everything is applied; None: not known yet."""
    attempted: int = 0
    publications: OrderedDict[str, Publication] = field(default_factory=OrderedDict)
    """By name; the one that changed last is last."""

    def complete(self, journal_id: str, flush: int) -> None:
        """Note that a flush, and all before it, are complete."""
        self.journal_id = journal_id
        self.completed = max(flush, self.completed or 0)

    def of(self, name: str) -> Publication:
        """Return what is known of a publication."""
        found = self.publications.setdefault(name, Publication(name))
        self.publications.move_to_end(name)
        return found

    def attempting(self, names: Iterable[str], flush: int, now: float) -> Iterator[None]:
        """Note that rows of a flush are about to be sent, one publication at a time."""
        for name in names:
            publication = self.of(name)
            if publication.changed and self.due(publication, now):
                self.snapshot(publication)
                yield
            publication.attempted = max(publication.attempted, flush)
        self.attempted = max(self.attempted, flush)

    def settled(self, publication: Publication) -> bool:
        """Whether nothing of a publication was sent that is not of a complete flush."""
        return self.completed is not None and publication.attempted <= self.completed

    def due(self, publication: Publication, now: float) -> bool:
        """Whether lists may be written again."""
        return publication.listed_at is None or now >= publication.listed_at + self.every_seconds

    @property
    def all_settled(self) -> bool:
        """Whether nothing at all was sent that is not of a complete flush."""
        return self.completed is not None and self.attempted <= self.completed

    def rebuilt(self, publication: Publication, tracked: Tracked | None, flush: int) -> None:
        """Take what was read of a publication; None: it cannot be used.

        `flush` was complete in it, and nothing later was there. What arrived meanwhile comes after.
        """
        if tracked is not None:
            publication.ready = tracked.snapshot(self.journal_id, flush)
            publication.changed = False
        publication.rebuilt(tracked)

    def snapshot(self, publication: Publication) -> None:
        """Keep the lists of a settled publication to be written, if they are known."""
        if publication.tracked is None or self.completed is None or not self.settled(publication):
            return
        found = publication.tracked.snapshot(self.journal_id, self.completed)
        if found is None:
            publication.tracked = None
        else:
            publication.ready, publication.changed = found, False

    def wake_at(self, now: float, rebuild_at: float) -> float | None:
        """Return when something is to be done; None: nothing, before something happens."""
        times = []
        for each in self.publications.values():
            due = now if each.listed_at is None else each.listed_at + self.every_seconds
            if each.ready is not None or (
                each.changed and self.settled(each) and each.tracked is not None
            ):
                times.append(due)
            elif each.changed and self.settled(each):
                times.append(max(due, rebuild_at))
        return min(times, default=None)

    def forget(self) -> None:
        """Forget what is too much, beginning with what changed least recently."""
        held = sum(len(each.tracked or ()) for each in self.publications.values())
        for each in self.publications.values():
            if held <= HELD_ROWS:
                break
            if each.tracked is not None and not each.changed:
                held -= len(each.tracked)
                each.tracked = None
        while len(self.publications) > PUBLICATIONS_HELD:
            name, first = self.publications.popitem(last=False)
            if first.changed or first.ready is not None or first.arriving is not None:
                self.publications[name] = first
                break
