"""The list of publications.

What a part added to a publication comes back as its new totals, and totals do not fall: so only
the first so many are held, and whatever overtakes one of them is seen when it does.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from newstally_persister.sinks.base import PublicationTally, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.compact.listing.documents import (
    PUBLICATIONS,
    ListedPublications,
    list_name,
    publications_document,
    read_publications,
    there_are_more,
)
from newstally_persister.sinks.firestore.compact.listing.storing import (
    MOVED,
    WRITE_ATTEMPTS,
    Storing,
)

ROWS = 500
"""Publications in the list."""
_AT_A_TIME = 100


class PublicationTotals:
    """Pure. The publications with most mentions, as far as they are known."""

    def __init__(self) -> None:
        self._totals: dict[str, PublicationTally] = {}
        self._more = False
        self.unsure: dict[str, str] = {}
        """Of those that have more than is known here: the document's name, by key."""

    def put(self, tally: PublicationTally) -> None:
        """Note the totals of a publication. Those that are lower than what is known are older."""
        before = self._totals.get(tally.key)
        if before is None or before[2:] < tally[2:]:
            self._totals[tally.key] = tally
        if len(self._totals) > 2 * ROWS:
            self._totals = {tally.key: tally for tally in self._first()}
            self._more = True

    def listed(self) -> tuple[list[PublicationTally], bool]:
        """Return the list, by mentions, descending, then key, and whether there are more."""
        return self._first(), self._more or len(self._totals) > ROWS

    def _first(self) -> list[PublicationTally]:
        ordered = sorted(self._totals.values(), key=lambda tally: (-tally.mentions, tally.key))
        return ordered[:ROWS]


class PublicationsList:
    """Keeps the list of publications. What is known of their totals comes from elsewhere."""

    def __init__(self, storing: Storing, every_seconds: float) -> None:
        self._storing = storing
        self._every_seconds = every_seconds
        self._totals = PublicationTotals()
        self._changed = False
        self._ready: ListedPublications | None = None
        self._stored: Any = None
        """What has the time of the document; _ABSENT; None: not known."""
        self._listed_at: float | None = None
        self._since: int | None = None

    def put(self, tally: PublicationTally) -> None:
        """Note the totals of a publication, after all that is known to be applied."""
        self._changed = True
        self._totals.put(tally)
        self._totals.unsure.pop(tally.key, None)

    def put_document(self, document: Any) -> None:
        """Note the totals that a publication's document has, as it was at some time."""
        held = fields(document)
        if "key" in held:
            counts = int(held.get("mentions", 0)), int(held.get("articles", 0))
            self._changed = True
            self._totals.put(PublicationTally(held["key"], held.get("name", ""), *counts))

    def grew(self, key: str, name: str) -> None:
        """Note that a publication has more than is known. `name` is of its document."""
        self._changed = True
        self._totals.unsure[key] = name

    def looked(self, started: int) -> None:
        """Note that all publications were read. `started`: the last flush that had begun then."""
        self._since = started

    def due(self, now: float) -> bool:
        """Whether the list may be written again."""
        return now >= self.due_at(now)

    def due_at(self, now: float) -> float:
        """Return when it may be written again, or now."""
        return now if self._listed_at is None else self._listed_at + self._every_seconds

    @property
    def waits(self) -> bool:
        """Whether there is something to be written, as soon as it is known for a flush."""
        return self._changed or self._ready is not None

    @property
    def is_ready(self) -> bool:
        """Whether there is something to be written at once."""
        return self._ready is not None

    def keep(self, journal_id: str, flush: int) -> None:
        """Keep the list as this flush, the last complete one, left it, if it is known."""
        known = self._since is not None and self._since <= flush and not self._totals.unsure
        if known and self._changed:
            self._ready = ListedPublications(journal_id, flush, *self._totals.listed())
            self._changed = False

    async def make_sure(
        self, client: FirestoreClient, seconds: float, settled: Callable[[], Awaitable[bool]]
    ) -> None:
        """Read totals that are not known, if they are settled after that."""
        names = [*self._totals.unsure.values()][:_AT_A_TIME]
        if names:
            found = await client.read_many(names, seconds)
            if await settled():
                for document in found.values():
                    self.put_document(document)
                    self._totals.unsure.pop(str(fields(document).get("key")), None)

    async def write(self, client: FirestoreClient, root: str, seconds: float, now: float) -> None:
        """Write what is ready. Raises GoogleAPICallError and SinkError."""
        shown = self._ready
        if shown is None:
            return
        name = list_name(root, PUBLICATIONS)
        for _ in range(WRITE_ATTEMPTS):
            if self._stored is None:
                self._stored = await client.read(name, seconds) or _ABSENT
                shown = self._merged(shown)
            write = publications_document(root, shown)
            if self._stored is _ABSENT:
                write.current_document.exists = False
            else:
                write.current_document.update_time.CopyFrom(self._stored.update_time)
            self._stored = None  # until the answer says what is stored
            try:
                (self._stored,) = await self._storing.send(client, [write])
            except MOVED:
                continue
            self._ready, self._listed_at = None, now
            return
        raise SinkError("others write the list of publications, too")

    def _merged(self, shown: ListedPublications) -> ListedPublications:
        """Return a list with what another persister stored, who has seen more of some."""
        if self._stored is _ABSENT:
            return shown
        both = PublicationTotals()
        for tally in (*shown.rows, *read_publications(self._stored)):
            both.put(tally)
            self._totals.put(tally)
        rows, more = both.listed()
        return shown._replace(rows=rows, more=more or shown.more or there_are_more(self._stored))


_ABSENT = object()
