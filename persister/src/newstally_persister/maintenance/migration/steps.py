"""Reads and commits of a migration. What passes by itself is tried again."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from google.cloud.firestore_v1.types import StructuredQuery, Value
from newstally_protos.backoff import Backoff

from newstally_persister import failpoints
from newstally_persister.maintenance.firestore_commits import (
    COMMIT_SECONDS,
    READ_SECONDS,
    in_halves,
)
from newstally_persister.maintenance.migration.note import Layout, Note, note_write, read_note
from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.errors import without_names
from newstally_persister.sinks.firestore.layout import COMPACT, layout_of

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 15.0
TOLD_SECONDS = 10.0
"""How often a person is told how far it is."""
PATIENCE_SECONDS = 600.0
"""For so long what fails is tried again."""
Result = TypeVar("Result")
Call = Callable[[FirestoreClient], Awaitable[Result]]


class WrittenMeanwhileError(Exception):
    """A commit found another document than its note otherwise than it was read."""


class Steps:
    """The note of one database, and what is read and committed beside it. For one event loop."""

    def __init__(
        self,
        connection: Connection,
        per_second: int,
        say: Callable[[str], None],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`per_second` writes at most; `say` tells a person what is tried again."""
        self._connection = connection
        self._per_second = per_second
        self._say = say
        self._patience_seconds = patience_seconds
        self._writer = uuid.uuid4().hex
        self._seen: Any = None
        self.under_way: Note | None = None
        """The note as it was read last; None: no migration is under way."""
        self.documents = ""
        """What every document's name begins with, once it was looked."""
        self._told = asyncio.get_running_loop().time()
        self.writes = 0
        """How many were committed, deletes among them."""
        self.reads = 0
        """How many documents were read."""

    @property
    def largest(self) -> int:
        """How many writes one commit may have: what a second allows, so that nobody waits long."""
        return min(500, self._per_second)

    @property
    def note(self) -> Note:
        """The note of the migration that is under way."""
        if self.under_way is None:
            raise ValueError("no migration is under way")
        return self.under_way

    async def look(self) -> tuple[Layout | None, datetime]:
        """Read the note. Return the layout in force, and when; None: no document says it."""

        async def read(client: FirestoreClient) -> tuple[Any, datetime]:
            self.documents = client.documents
            return await client.read_at(_name(client), READ_SECONDS)

        self._seen, at = await self.patiently(read)
        self.under_way = read_note(self._seen)
        return None if self._seen is None else layout_of(self._seen), at

    async def end(self) -> None:
        """Remove the note."""
        await self._commit([], None, self.note.layout)

    async def commit(self, writes: Sequence[Any], note: Note) -> None:
        """Apply writes, and the note with its next step.

        Raises WrittenMeanwhileError where a write demands what is not so, and PermanentSinkError
        where another command writes the note, or Firestore refuses a write.
        """
        step = 0 if self.under_way is None else self.under_way.step
        moved = replace(note, step=step + 1, writer=self._writer)
        await self._commit(writes, moved, moved.layout)

    async def _commit(self, writes: Sequence[Any], moved: Note | None, layout: Layout) -> None:
        begun = asyncio.get_running_loop().time()
        sent = False

        async def send(client: FirestoreClient) -> bool:
            nonlocal sent
            if sent and await self._applied(client, moved):
                return True
            sent = True
            made = note_write(_name(client), moved, layout, self._seen)
            failpoints.reach("before-migrating")
            with suppress(AlreadyExists, FailedPrecondition, NotFound):
                await client.commit([*writes, made], COMMIT_SECONDS)
                failpoints.reach("after-migrating")
            return await self._applied(client, moved)

        if not await self.patiently(send):
            raise WrittenMeanwhileError
        self.writes += len(writes) + 1
        self._tell()
        taken = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(max(0.0, (len(writes) + 1) / self._per_second - taken))

    async def commit_all(self, placed: Sequence[tuple[Any, Note]]) -> None:
        """Apply writes, each with the note that stands for it and all before it.

        In halves where Firestore refuses them together.
        """
        if not placed:
            return

        async def commit(some: Sequence[tuple[Any, Note]]) -> None:
            await self.commit([write for write, _ in some], some[-1][1])

        try:
            await in_halves(placed, commit)
        except InvalidArgument as error:
            raise PermanentSinkError(
                f"Firestore refuses a document: {without_names(error.message)}",
                "this is a defect of the command: report it; nothing is lost",
            ) from error

    async def found(
        self, parent: str, collection: str, between: tuple[str, str], size: int
    ) -> AsyncIterator[list[Any]]:
        """Yield the documents whose ids are between two, so many at a time, by their names.

        "": no end. `parent` is what stands before the collection, without the database.
        """
        after, before = between
        while True:

            async def page(client: FirestoreClient, after: str = after) -> list[Any]:
                above = f"{client.documents}{parent}"
                query = _named(f"{above}/{collection}", collection, (after, before), size)
                async with aclosing(client.found(above, query, READ_SECONDS)) as stream:
                    return [document async for document in stream]

            some = await self.patiently(page)
            self.reads += max(1, len(some))
            self._tell()
            if some:
                yield some
                after = some[-1].name.rpartition("/")[2]
            if len(some) < size:
                return

    async def read(self, name: str) -> Any:
        """Return a document, or None."""
        self.reads += 1
        return await self.patiently(lambda client: client.read(name, READ_SECONDS))

    async def names(self, parent: str, collection: str) -> AsyncIterator[list[str]]:
        """Yield names of all documents, as FirestoreClient.all_names."""
        place = ""
        while True:

            async def page(client: FirestoreClient, place: str = place) -> tuple[list[str], str]:
                return await client.names_behind(
                    place, parent, collection, self.largest, READ_SECONDS
                )

            names, place = await self.patiently(page)
            yield names
            if not place:
                return

    async def patiently(self, call: Call[Result]) -> Result:
        """Return what a call returns; tried again for some time where that may help."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_seconds
        waits = Backoff(FIRST_SECONDS, LONGEST_SECONDS)
        while True:
            try:
                async with self._connection.use() as client:
                    try:
                        return await call(client)
                    except InvalidArgument as error:
                        refused = error
                raise refused
            except PermanentSinkError:
                raise
            except SinkError as error:
                seconds = waits.next_seconds()
                if loop.time() + seconds > until:
                    raise
                self._say(f"{error}: tried again")
                await asyncio.sleep(seconds)

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told >= TOLD_SECONDS:
            self._told = now
            self._say(f"{self.reads:,} documents read, {self.writes:,} written or deleted")

    async def _applied(self, client: FirestoreClient, moved: Note | None) -> bool:
        """Return whether the commit that wrote this note was applied; otherwise nothing was."""
        seen = await client.read(_name(client), READ_SECONDS)
        note = read_note(seen)
        if (note and (note.step, note.writer)) == (moved and (moved.step, moved.writer)):
            self._seen, self.under_way = seen, note
            return True
        if seen == self._seen:
            return False
        raise PermanentSinkError(
            "another migrate-store changes the same database", "let it end, or stop it"
        )


def _name(client: FirestoreClient) -> str:
    return f"{client.documents}/{COMPACT}"


def _named(parent: str, collection: str, between: tuple[str, str], limit: int) -> StructuredQuery:
    field_filter = StructuredQuery.FieldFilter
    name = StructuredQuery.FieldReference(field_path="__name__")
    bounds = [
        StructuredQuery.Filter(
            field_filter=field_filter(
                field=name, op=operator, value=Value(reference_value=f"{parent}/{end}")
            )
        )
        for operator, end in zip(
            (field_filter.Operator.GREATER_THAN, field_filter.Operator.LESS_THAN),
            between,
            strict=True,
        )
        if end
    ]
    return StructuredQuery(
        from_=[StructuredQuery.CollectionSelector(collection_id=collection)],
        where=StructuredQuery.Filter(
            composite_filter=StructuredQuery.CompositeFilter(
                op=StructuredQuery.CompositeFilter.Operator.AND, filters=bounds
            )
        )
        if bounds
        else None,
        order_by=[StructuredQuery.Order(field=name, direction=StructuredQuery.Direction.ASCENDING)],
        limit=limit,
    )
