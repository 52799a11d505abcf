"""Cloud Firestore as a sink.

    publications/{id}                {name, key, mentions, articles, days, months, outside}
    publications/{id}/entities/{id}  {text, label, key, ... likewise}
    flushes/{part id}                {digest, expire_at}       the receipts, tombstones among them
    journals/{journal_id}            {started, completed, days_from}      the marks

A part is one commit: create the receipt, move the mark (part 1), and one write per row. What
happened to a commit whose reply was lost is told by its receipt, never by the reply to another one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from google.api_core.exceptions import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from newstally_protos.backoff import Backoff

from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Mark,
    Page,
    PageLimits,
    PartRefusedError,
    PublicationPosition,
    PublicationTally,
    SinkError,
    journal_unknown,
    part_elsewhere,
)
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient, fields
from newstally_persister.sinks.firestore.commit import Commit
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import DAYS_KEPT, Window, window
from newstally_persister.sinks.firestore.errors import without_names
from newstally_persister.sinks.firestore.layout import (
    MARKS,
    RECEIPTS,
    DocumentsLayout,
    Layout,
)
from newstally_persister.sinks.firestore.ramp import Ramp
from newstally_persister.sinks.firestore.tending import Tell, Tending
from newstally_persister.values.parts import Part, PartLimits, tombstone
from newstally_persister.values.progress import Expiry


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long Firestore may take to answer. Together below the flusher's own patience."""

    commit_seconds: float = 30.0
    """After it, the receipt tells whether the commit was applied."""
    read_seconds: float = 10.0


_DEADLINES = Deadlines()
Send = Callable[[FirestoreClient, list[Any]], Awaitable[Sequence[Any]]]
"""Sends one commit, once; after an error it may have been applied or not. Returns what became of
each write."""
MakeLayout = Callable[[Send, float], Layout]
"""Makes a layout that sends commits of its own, and whose reads may take so many seconds."""


def documents_layout(send: Send, read_seconds: float) -> Layout:
    """Return the layout in which each entity has a document of its own."""
    del send, read_seconds
    return DocumentsLayout()


class FirestoreSink:
    """A Sink in one Firestore database. Every call is tried once: the flusher tries again."""

    def __init__(
        self,
        connection: Connection,
        receipt_days: int,
        metrics: Metrics,
        *,
        part_writes: int,
        ramp: Ramp | None = None,
        parts_in_flight: int = 4,
        deadlines: Deadlines = _DEADLINES,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        days_kept: int = DAYS_KEPT,
        today: Callable[[datetime], date] = datetime.date,
        layout: MakeLayout = documents_layout,
        tell: Tell = lambda _: None,
        backoff: Backoff | None = None,
    ) -> None:
        """Nothing is connected to before the first call, so that trouble here stops no intake.

        `today`: the day, from the time by Firestore's clock. `tell` and `backoff` are for what
        is done beside parts.
        """
        self._connection = connection
        self._metrics = metrics
        self._receipt_life = timedelta(days=receipt_days)
        self._layout = layout(self._send_writes, deadlines.read_seconds)
        connection.check = self._check
        self._tending = Tending(
            connection,
            self._layout,
            tell,
            backoff or Backoff(first_seconds=0.5, longest_seconds=60.0),
        )
        self._part_limits = self._layout.part_limits(part_writes)
        self._ramp = ramp
        self._parts_in_flight = parts_in_flight
        self._deadlines = deadlines
        self._lists = self._layout.lists(connection, deadlines.read_seconds)
        self._clock = clock
        self._wall_clock = wall_clock
        self._days_kept = days_kept
        self._today = today

    @property
    def connection(self) -> Connection:
        """For whoever reads more than is listed here."""
        return self._connection

    @property
    def part_limits(self) -> PartLimits:
        """How large a part it takes: it always fits into one request."""
        return self._part_limits

    @property
    def parts_in_flight(self) -> int:
        """How many parts of a flush, after its first, it takes at a time."""
        return self._parts_in_flight

    async def apply(self, part: Part) -> None:
        """See Sink.apply."""
        async with self._connection.use() as client:
            if await self._take_receipt(client, part, part.digest, with_rows=True):
                raise part_elsewhere(part, "where it was voided")
        self._tending.begin()

    async def void(self, part: Part) -> bool:
        """See Sink.void."""
        async with self._connection.use() as client:
            return await self._take_receipt(client, part, tombstone(part.digest), with_rows=False)

    async def expire(self, expiry: Expiry) -> None:
        """See Sink.expire."""
        expire_at = self._wall_clock() + self._receipt_life
        async with self._connection.use() as client:
            commit = Commit(
                client,
                [
                    writes.mark_completed(
                        self._name(client, MARKS, expiry.journal_id), expiry.flush
                    ),
                    *(
                        writes.receipt_expiry(self._name(client, RECEIPTS, receipt), expire_at)
                        for receipt in expiry.receipts
                    ),
                ],
            )
            try:
                await self._send(commit)
            except NotFound as error:
                if await self._read(client, MARKS, expiry.journal_id) is None:
                    raise journal_unknown(expiry.journal_id) from error
                raise
        self._layout.completed(expiry.journal_id, expiry.flush)

    async def mark(self, journal_id: str) -> Mark:
        """See Sink.mark."""
        async with self._connection.use() as client:
            await self._check(client)
            mark = _mark(await self._read(client, MARKS, journal_id))
        if mark.started == mark.completed:
            self._layout.completed(journal_id, mark.completed)
        return mark

    async def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """See Sink.list_publications."""
        return await self._lists.publications(limits, after)

    async def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies."""
        return await self._lists.entities(publication_key, label, limits, after)

    async def keep(self) -> None:
        """See Sink.keep: copies that are derived from tallies, where the layout has such.

        What an earlier process left to be tended to is done beside.
        """
        self._tending.begin()
        await self._layout.keep(self._connection)

    async def close(self) -> None:
        """Close the connection."""
        await self._tending.close()
        await self._connection.close()

    async def _read(self, client: FirestoreClient, collection: str, name: str) -> Any:
        return await client.read(self._name(client, collection, name), self._deadlines.read_seconds)

    async def _check(self, client: FirestoreClient) -> None:
        """Raise PermanentSinkError where the database has another layout, or is led to one."""
        await self._layout.check(client, self._deadlines.read_seconds)

    async def _take_receipt(
        self, client: FirestoreClient, part: Part, digest: str, *, with_rows: bool
    ) -> bool:
        """Commit the part's rows, or none, with a receipt that holds the digest.

        Commits nothing where there is a receipt already.

        Returns whether there is a tombstone then, whoever left it: not whether this call did.
        """
        name = self._name(client, MARKS, part.journal_id)
        seen, at = await client.read_at(name, self._deadlines.read_seconds)
        mark = _mark(seen)
        if not _expected(part, mark):
            voided = await self._voided(client, part)
            if voided is None:
                raise part_elsewhere(part, f"which stands at {mark}")
            return voided
        if seen is None:
            # Another persister may have begun meanwhile, with another layout.
            await self._check(client)
        known = None if seen is None else fields(seen).get("days_from")
        kept = window(self._today(at), self._days_kept, known, first_part=part.number == 1)
        commit = self._commit(client, part, digest, seen, kept)
        try:
            if with_rows:
                await self._send_part(client, part, commit, kept)
            else:
                await self._send(commit)
        except (AlreadyExists, FailedPrecondition, NotFound) as error:
            # AlreadyExists may come from the receipt or from the mark, and Conflict, its
            # parent, is also Aborted: only the receipt tells what was applied.
            voided = await self._voided(client, part)
            if voided is None:
                raise SinkError(
                    f"the mark moved meanwhile: {without_names(error.message)}"
                ) from error
            return voided
        return digest != part.digest

    async def _send_part(
        self, client: FirestoreClient, part: Part, commit: Commit, kept: Window
    ) -> None:
        """Send the commit with the part's rows. Raises PartRefusedError."""
        for again in (False, True):
            async with self._layout.writing(client, part, kept) as rows:
                try:
                    results = await self._send(Commit(client, [*commit.writes, *rows]))
                except InvalidArgument as error:
                    if not again and self._layout.make_room(client, part):
                        continue
                    # Only the commit's own refusal says so: it was checked whole, and nothing
                    # applied.
                    raise PartRefusedError(f"INVALID_ARGUMENT: {error.message}") from error
                self._layout.applied(part, rows, results[len(commit) :])
                return

    async def _voided(self, client: FirestoreClient, part: Part) -> bool | None:
        """Return whether the part's receipt is a tombstone; None: there is no receipt.

        Raises JournalMismatchError.
        """
        receipt = await client.read(self._receipt(client, part), self._deadlines.read_seconds)
        if receipt is None:
            return None
        digest = str(fields(receipt).get("digest"))
        if digest not in (part.digest, tombstone(part.digest)):
            raise part_elsewhere(part, "with another content")
        if digest == part.digest:
            self._layout.applied(part, (), ())
        return digest != part.digest

    def _commit(
        self, client: FirestoreClient, part: Part, digest: str, seen: Any, kept: Window
    ) -> Commit:
        """Return what takes the part's receipt, if nobody has it and the mark is as seen."""
        commit = Commit(client, [writes.receipt(self._receipt(client, part), digest)])
        if part.number == 1:
            mark = self._name(client, MARKS, part.journal_id)
            commit.writes.append(writes.mark_started(mark, part.flush, seen, kept))
        return commit

    def _name(self, client: FirestoreClient, collection: str, name: str) -> str:
        return f"{self._layout.root(client)}/{collection}/{name}"

    async def _send_writes(self, client: FirestoreClient, made: list[Any]) -> Sequence[Any]:
        return await self._send(Commit(client, made))

    async def _send(self, commit: Commit) -> Sequence[Any]:
        await self._take_turn(len(commit))
        results = await commit.send(self._deadlines.commit_seconds)
        self._metrics.firestore_writes.inc(len(commit))
        return results

    def _receipt(self, client: FirestoreClient, part: Part) -> str:
        return self._name(client, RECEIPTS, part.id)

    async def _take_turn(self, number: int) -> None:
        if self._ramp is not None:
            while (delay := self._ramp.delay(self._clock())) > 0:  # noqa: ASYNC110 - a clock
                await asyncio.sleep(delay)
            self._ramp.spend(number, self._clock())


def _expected(part: Part, mark: Mark) -> bool:
    """Return whether the mark stands where this part, if it was never applied, expects it."""
    if part.number == 1:
        return mark.started == part.flush - 1
    return mark.started == part.flush and mark.completed < part.flush


def _mark(seen: Any) -> Mark:
    """Return the mark in its document; None: there is none."""
    found = {} if seen is None else fields(seen)
    return Mark(found.get("started", 0), found.get("completed", 0))
