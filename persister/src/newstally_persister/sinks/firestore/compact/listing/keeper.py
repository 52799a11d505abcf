"""Keeps the lists of a compact database: reads, writes and waits as `state` decides.

A list is a copy. It names the flush that it shows, and nothing waits for it: neither the flush, nor
its mark, nor the next one.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import structlog
from newstally_protos.backoff import Backoff

from newstally_persister.sinks.base import PublicationTally, SinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.listing import documents
from newstally_persister.sinks.firestore.compact.listing.publications import PublicationsList
from newstally_persister.sinks.firestore.compact.listing.rebuilding import (
    AHEAD_DAYS,
    MovedError,
    Rebuilding,
)
from newstally_persister.sinks.firestore.compact.listing.state import Lists, Publication
from newstally_persister.sinks.firestore.compact.listing.storing import Send, Storing
from newstally_persister.sinks.firestore.compact.listing.tops import SIZES, Sizes
from newstally_persister.sinks.firestore.compact.listing.tracked import (
    ALL,
    Tracked,
    number_of_day,
)
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.ids import order_key
from newstally_persister.sinks.firestore.layout import COMPACT, MARKS
from newstally_persister.sinks.questions.asked import UnansweredError
from newstally_persister.values.parts import Part, Row

log = structlog.get_logger()

EVERY_SECONDS = 15.0
"""A list is written again after so many at the earliest, whatever the age of flushes."""
REST = 9.0
"""After a publication was read, none is for so many times as long: it takes 10 % at most."""
_VAIN_SECONDS = 0.1
"""What reading counts as having taken that came to nothing."""
_FAILURES = 3
"""Of publications in one round: then the others would fail, too."""
_AT_A_TIME = 100
_EPOCH = date(1970, 1, 1).toordinal()


class ListKeeper:
    """Keeps the lists of one database, for one journal. For one event loop."""

    def __init__(
        self,
        send: Send,
        read_seconds: float,
        clock: Callable[[], float],
        every_seconds: float = EVERY_SECONDS,
        sizes: Sizes = SIZES,
        rest: float = REST,
    ) -> None:
        self._read_seconds = read_seconds
        self._clock = clock
        self._sizes = sizes
        self._rest = rest
        self._storing = Storing(send, read_seconds)
        self._lists = Lists(every_seconds)
        self._publications = PublicationsList(self._storing, every_seconds)
        self._looked = False
        self._news = asyncio.Event()
        self._rebuild_at = clock()

    async def attempting(self, root: str, part: Part) -> None:
        """Note that a part's rows are about to be sent: what is complete is kept before."""
        now = self._clock()
        if self._publications.due(now):
            self._keep_publications()
        for _ in self._lists.attempting(_by_publication(root, part), part.flush, now):
            await asyncio.sleep(0)

    def applied(self, root: str, part: Part, made: Sequence[Any], results: Sequence[Any]) -> None:
        """Note that a part's rows are applied, by these writes with these results, if known."""
        told = {
            write.update.name: [each.integer_value for each in result.transform_results]
            for write, result in zip(made, results, strict=True)
        }
        limit = _limit(results[-1].update_time.ToDatetime().date()) if results else 0
        for row in part.publications:
            name = writes.publication_name(root, row.key)
            if name in told:
                tally = PublicationTally(order_key(row.key), row.name, *told[name][:2])
                self._publications.put(tally)
            else:
                self._publications.grew(order_key(row.key), name)
        for name, some in _by_publication(root, part).items():
            # The counter is the last transform of a log's write.
            number = told.get(queries.log_name(name), [None])[-1]
            self._lists.of(name).arrived((number, some, limit))

    def completed(self, journal_id: str, flush: int) -> None:
        """Note that a flush, and all before it, are complete."""
        self._lists.complete(journal_id, flush)
        self._news.set()

    async def keep(self, connection: Connection) -> None:
        """Keep the lists until cancelled. What fails is logged once, and tried again."""
        backoff = Backoff(first_seconds=0.5, longest_seconds=60.0)
        shown = None
        while True:
            await self._until_due()
            try:
                async with connection.use() as client:
                    await self.round(client)
            except SinkError as error:
                if str(error) != shown:
                    shown = str(error)
                    log.warning("lists are not written", error=shown, remedy="it is tried again")
                await asyncio.sleep(backoff.next_seconds())
            else:
                backoff.reset()
                shown = None

    async def round(self, client: FirestoreClient) -> None:
        """Do what is due now. Raises GoogleAPICallError and SinkError, once the rest is done."""
        self._news.clear()
        if self._lists.completed is None:
            return
        root = f"{client.documents}/{COMPACT}"
        if not self._looked:
            await self._look(client, root)
        errors: list[Exception] = []
        # What failed comes last: its reading would take the time of all others, for ever.
        for publication in sorted(self._lists.publications.values(), key=lambda each: each.failed):
            if self._lists.due(publication, self._clock()):
                try:
                    await self._list(client, root, publication)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is raised
                    publication.failed = True
                    errors.append(error)
            if len(errors) == _FAILURES:
                break
            await asyncio.sleep(0)
        self._lists.forget()
        await self._list_publications(client, root)
        if errors:
            raise errors[0]

    async def _until_due(self) -> None:
        now = self._clock()
        times = [self._lists.wake_at(now, self._rebuild_at)]
        settled = self._lists.all_settled and self._publications.waits
        if self._publications.is_ready or settled:
            times.append(self._publications.due_at(now))
        at = min((time for time in times if time is not None), default=None)
        try:
            async with asyncio.timeout(None if at is None else max(0.01, at - now)):
                await self._news.wait()
        except TimeoutError:
            return

    async def _look(self, client: FirestoreClient, root: str) -> None:
        """Find the publications whose lists do not show all that there is."""
        stored = client.pages(root, writes.PUBLICATIONS, _AT_A_TIME, self._read_seconds)
        async for page in stored:
            logs = [queries.log_name(each.name) for each in page]
            lists = [documents.list_name(each.name, ALL) for each in page]
            found = await client.read_many([*logs, *lists], self._read_seconds, ["parts"])
            for each, log_name, list_name in zip(page, logs, lists, strict=True):
                self._publications.put_document(each)
                # Without a log, all is in leaves.
                there, shown = found.get(log_name), found.get(list_name)
                parts = 0 if there is None else rows.number_of(there, "parts")
                if shown is None or rows.number_of(shown, "parts") != parts:
                    self._lists.of(each.name).changed = True
        self._publications.looked(await self._started(client, root))
        self._looked = True

    async def _list(self, client: FirestoreClient, root: str, publication: Publication) -> None:
        if publication.changed:
            self._lists.snapshot(publication)
            if publication.tracked is None:
                await self._rebuild(client, root, publication)
        shown = publication.ready
        if shown is not None:
            await self._storing.write(client, publication, shown)
            publication.listed_at, publication.failed = self._clock(), False
            if publication.ready is shown:
                publication.ready = None

    async def _rebuild(self, client: FirestoreClient, root: str, publication: Publication) -> None:
        """Read a publication, if that is allowed now."""
        flush, begun = self._lists.completed, self._clock()
        if flush is None or not self._lists.settled(publication) or begun < self._rebuild_at:
            return
        if publication.known is None:
            publication.known = await self._storing.stored(client, publication)
        shown = publication.known.get("day")
        if publication.since is None and shown is not None:
            publication.since = number_of_day(shown.last)

        async def settled() -> bool:
            # Part 1 of a flush goes first, and moves the mark in its commit.
            return await self._started(client, root) == flush

        tracked: Tracked | None = None
        publication.arriving = []
        try:
            _, at = await client.read_at(self._mark_name(root), self._read_seconds)
            reading = Rebuilding(client, publication.name, self._read_seconds, self._sizes)
            tracked = await reading.read(publication.since, _limit(at.date()), settled)
        except MovedError:
            tracked = None  # it is read again, after the flush that is under way
        except UnansweredError:
            publication.changed = False
            log.error(  # noqa: TRY400 - no traceback wanted
                "a publication is too large to be listed", remedy="none: report it"
            )
        finally:
            self._lists.rebuilt(publication, tracked, flush)
            now = self._clock()
            took = now - begun if tracked is not None else max(now - begun, _VAIN_SECONDS)
            self._rebuild_at = now + self._rest * took

    async def _list_publications(self, client: FirestoreClient, root: str) -> None:
        if not self._publications.due(self._clock()):
            return
        flush = self._lists.completed

        async def settled() -> bool:
            return await self._started(client, root) == flush

        if self._lists.all_settled:
            await self._publications.make_sure(client, self._read_seconds, settled)
        self._keep_publications()
        await self._publications.write(client, root, self._read_seconds, self._clock())

    def _keep_publications(self) -> None:
        if self._lists.all_settled and self._lists.completed is not None:
            self._publications.keep(self._lists.journal_id, self._lists.completed)

    async def _started(self, client: FirestoreClient, root: str) -> int:
        """Return the last flush that the sink has seen begin."""
        found = await client.read(self._mark_name(root), self._read_seconds)
        return 0 if found is None else rows.number_of(found, "started")

    def _mark_name(self, root: str) -> str:
        return f"{root}/{MARKS}/{self._lists.journal_id}"


def _limit(today: date) -> int:
    """Return the latest day that may be the last one of a list."""
    return today.toordinal() - _EPOCH + AHEAD_DAYS


def _by_publication(root: str, part: Part) -> dict[str, list[Row]]:
    """Return the rows that a log gets, by the publication's name."""
    found: dict[str, list[Row]] = {}
    for publication in part.publications:
        if publication.days:
            found.setdefault(writes.publication_name(root, publication.key), []).append(publication)
    for entity in part.entities:
        name = writes.publication_name(root, entity.publication_key)
        found.setdefault(name, []).append(entity)
    return found
