"""Writes the lists of publications, and knows which are stored."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)

from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.listing import documents
from newstally_persister.sinks.firestore.compact.listing.state import Known, Publication
from newstally_persister.sinks.firestore.compact.listing.tracked import ALL, WINDOWS, Snapshot
from newstally_persister.sinks.firestore.errors import without_names

log = structlog.get_logger()

WRITE_ATTEMPTS = 3
"""How often a list is written that others write, too."""
MOVED = (AlreadyExists, FailedPrecondition, NotFound, Aborted)
"""A document is not as it was known."""

Send = Callable[[FirestoreClient, list[Any]], Awaitable[Sequence[Any]]]
"""Sends one commit, once. Raises GoogleAPICallError and SinkError."""


class Storing:
    """Stores lists."""

    def __init__(self, send: Send, read_seconds: float) -> None:
        self.send = send
        self._read_seconds = read_seconds

    async def write(
        self, client: FirestoreClient, publication: Publication, shown: Snapshot
    ) -> None:
        """Write those of a publication's lists that show fewer parts.

        Afterwards `known` says what is stored, or that it is not known. Raises GoogleAPICallError
        and SinkError.
        """
        made = await asyncio.to_thread(documents.snapshot_documents, publication.name, shown)
        for _ in range(WRITE_ATTEMPTS):
            if publication.known is None:
                publication.known = await self.stored(client, publication)
            known = dict(publication.known)
            # What shows more parts shows a later state: this one would be a step back.
            some = {
                name: write
                for name, write in made.items()
                if name not in known or known[name].parts < shown.parts
            }
            for name, write in some.items():
                _demand(write, known.get(name))
            gone = [name for name in known if name not in made and known[name].parts < shown.parts]
            commit = [*some.values(), *(_deletion(publication.name, n, known[n]) for n in gone)]
            publication.known = None  # until the answer says what is stored
            try:
                results = await self.send(client, commit) if commit else ()
            except MOVED:
                continue
            except InvalidArgument as error:
                log.error(  # noqa: TRY400 - no traceback wanted
                    "a list is refused",
                    error=without_names(error.message),
                    remedy="deploy firestore/; it is tried again when the list changes",
                )
                break
            for name in gone:
                del known[name]
            for name, result in zip(some, results, strict=False):
                last = "" if name == ALL else shown.windows[name].last
                known[name] = Known(shown.parts, result.update_time, last)
            publication.known = known
            break
        else:
            raise SinkError("others write the same lists, too")

    async def stored(self, client: FirestoreClient, publication: Publication) -> dict[str, Known]:
        """Return a publication's lists, as they are stored, by name."""
        names = {name: documents.list_name(publication.name, name) for name in (ALL, *WINDOWS)}
        found = await client.read_many([*names.values()], self._read_seconds, ["parts", "last"])
        return {
            name: Known(
                rows.number_of(found[path], "parts"),
                found[path].update_time,
                found[path].fields["last"].string_value if name in WINDOWS else "",
            )
            for name, path in names.items()
            if path in found
        }


def _demand(write: Any, known: Known | None) -> None:
    """Let a list be written only if it is still as it is known."""
    if known is None:
        write.current_document.ClearField("update_time")
        write.current_document.exists = False
    else:
        write.current_document.update_time.CopyFrom(known.update_time)


def _deletion(publication: str, name: str, known: Known) -> Any:
    write = writes.Write(delete=documents.list_name(publication, name))
    write.current_document.update_time.CopyFrom(known.update_time)
    return write
