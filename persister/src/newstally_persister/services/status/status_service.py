"""PersisterService: how the persister is, for gateways."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from newstally_protos.limits import SIGHTINGS_LIMIT
from newstally_protos.v1 import persister_pb2, persister_pb2_grpc
from newstally_protos.v1.status_pb2 import PersisterStatus
from newstally_runtime.observing.process import fingerprints
from prometheus_client import Counter

from newstally_persister.journal import sightings
from newstally_persister.journal.sightings import Sighting
from newstally_persister.services.answering import answered

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Journal(Protocol):
    """What the service needs of the journal."""

    async def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """See JournalStore.run. Raises JournalClosedError."""
        ...


class PersisterService(persister_pb2_grpc.PersisterServiceServicer):
    """Takes what gateways have seen, and answers."""

    def __init__(
        self,
        journal: Journal,
        status: Callable[[], PersisterStatus],
        new_errors: Counter,
        now_micros: Callable[[], int] = lambda: time.time_ns() // 1_000,
    ) -> None:
        self._journal = journal
        self._status = status
        self._count = new_errors
        self._now_micros = now_micros
        self._noted: frozenset[Sighting] = frozenset()
        self._new: Sequence[str] = ()

    @answered
    async def ExchangeStatus(  # noqa: N802
        self, request: persister_pb2.ExchangeStatusRequest, _context: Any
    ) -> persister_pb2.ExchangeStatusResponse:
        """Note what is new, and say how the persister is."""
        status = self._status()
        told = (
            Sighting(each.service, each.release, each.fingerprint)
            for each in request.sightings[:SIGHTINGS_LIMIT]
        )
        own = (Sighting(*each) for each in fingerprints([status.process]))
        await self._note({*told, *own})
        return persister_pb2.ExchangeStatusResponse(persister=status, new_errors=self._new)

    async def _note(self, seen: Iterable[Sighting]) -> None:
        """Write nothing where nothing is new: gateways tell the same again and again."""
        # What cannot be kept is not remembered here either: its texts may be of any size.
        unknown = frozenset(filter(sightings.fits, seen)) - self._noted
        if unknown:
            # Releases that are told together are ordered by their numbers.
            ordered = sorted(unknown, key=lambda each: (_natural(each.release), each))
            self._new, come = await self._journal.run(_note, ordered, self._now_micros())
            self._count.inc(come)
            self._noted = (
                unknown if len(self._noted) > sightings.SIGHTINGS else self._noted | unknown
            )


def _natural(release: str) -> list[tuple[int, str]]:
    """Return what 0.10 is above 0.9 by."""
    return [(int(part or 0), rest) for part, rest in re.findall(r"(\d*)(\D*)", release)]


def _note(
    connection: sqlite3.Connection, unknown: Iterable[Sighting], now_micros: int
) -> tuple[Sequence[str], int]:
    """Return which errors are new, and how many of them nobody has told before."""
    before = sightings.new_errors(connection)
    sightings.note(connection, unknown, now_micros)
    new = sightings.new_errors(connection)
    return new, len(set(new) - set(before))
