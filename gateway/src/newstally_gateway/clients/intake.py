"""What a client stream sends: found its upload, numbered, validated, admitted, queued."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
from newstally_protos.limits import ARTICLE_ID_LIMIT_BYTES
from newstally_runtime.status import StatusError, invalid

from newstally_gateway.clients.decoding import Incoming, Malformed, Request, Unreadable
from newstally_gateway.clients.memory import Memory
from newstally_gateway.clients.replies import Listener
from newstally_gateway.core.clients.admission import BASE_CHARGE_BYTES, charge_bytes
from newstally_gateway.core.clients.ledger import BatchLimits, Ledger
from newstally_gateway.core.clients.numbering import GapError, Numbering, NumberingError
from newstally_gateway.core.outcomes import Outcome, refuse_flawed
from newstally_gateway.core.replicas.dispatching import Dispatching
from newstally_gateway.core.tasks import Task
from newstally_gateway.core.validation import (
    MALFORMED,
    Accepted,
    Flaw,
    validate,
)
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.recorder import Recorder
from newstally_gateway.persister.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of the process share."""

    dispatching: Dispatching
    memory: Memory
    recorder: Recorder
    uploads: Uploads
    metrics: Metrics
    limits: BatchLimits
    max_content_bytes: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream stands in its upload, once that is known."""

    upload_id: str
    numbering: Numbering
    ledger: Ledger


class Intake:
    """Takes one stream's messages in, one after the other."""

    def __init__(
        self,
        number: int,
        owner: str,
        shared: Shared,
        listener: Listener,
        announce: Callable[[str], Awaitable[None]],
        refused: Callable[[int, Outcome], None],
    ) -> None:
        """`refused` is called with the outcome of an article that needs no extractor."""
        self._number = number
        self._owner = owner
        self._shared = shared
        self._listener = listener
        self._announce = announce
        self._refused = refused
        self.place: Place | None = None
        """None until the first message has named the upload, or had one made."""

    async def take(self, incoming: Incoming) -> None:
        """Take a message in; wait for memory if there is none.

        Raises StatusError: the stream cannot go on from here.
        """
        if isinstance(incoming, Unreadable):
            # Its offset could be guessed, but then the wrong article might be refused for good.
            raise invalid("message", "cannot be parsed, not even for its upload_id and offset")
        if isinstance(incoming, Malformed) or incoming.HasField("offset"):
            offset = incoming.offset
        else:
            offset = None
        if self.place is None:
            self.place = await self._open(incoming.upload_id, offset)
        elif incoming.upload_id and incoming.upload_id != self.place.upload_id:
            raise invalid("upload_id", "is another one than the stream's")
        try:
            placed = self.place.numbering.place(offset)
        except NumberingError as error:
            raise _misplaced(error) from error
        if not placed.fresh:
            self._shared.metrics.passed_over.inc()
            return
        verdict, article_id = self._judge(incoming)
        del incoming  # it may be large, and has to wait now
        await self._admit(self.place.ledger, placed.offset, verdict, article_id)

    def _judge(self, message: Request | Malformed) -> tuple[Accepted | Flaw, str]:
        """Return what there is to say about the article, and its article_id."""
        if isinstance(message, Malformed):
            return MALFORMED, message.article_id[:ARTICLE_ID_LIMIT_BYTES]
        article = message.article if message.HasField("article") else None
        verdict = validate(article, self._shared.max_content_bytes)
        return verdict, message.article.article_id[:ARTICLE_ID_LIMIT_BYTES]

    async def _admit(
        self, ledger: Ledger, offset: int, verdict: Accepted | Flaw, article_id: str
    ) -> None:
        charge = (
            charge_bytes(verdict.size_bytes) if isinstance(verdict, Accepted) else BASE_CHARGE_BYTES
        )
        await self._shared.memory.admit(self._number, charge)
        if not ledger.admit(offset, charge):
            self._shared.memory.release(self._number, charge)
            return
        self._shared.metrics.received.inc()
        if isinstance(verdict, Accepted):
            self._shared.dispatching.add(
                Task(
                    stream=self._number,
                    offset=offset,
                    publication=verdict.publication,
                    article_id=verdict.article_id,
                    content=verdict.content,
                    size_bytes=verdict.size_bytes,
                )
            )
        else:
            self._refused(offset, refuse_flawed(offset, article_id, verdict))

    async def _open(self, upload_id: str, offset: int | None) -> Place:
        if upload_id:
            upload = await self._shared.uploads.get(upload_id, self._owner)
        else:
            try:
                Numbering(0, named=False).place(offset)
            except NumberingError as error:  # before an upload is made for nothing
                raise _misplaced(error) from error
            upload = await self._shared.uploads.create(self._owner)
        await self._announce(upload.upload_id)
        self._listener.told((), upload)
        return Place(
            upload.upload_id,
            Numbering(upload.next_offset, named=bool(upload_id)),
            Ledger(upload.next_offset, self._shared.limits),
        )


def _misplaced(error: NumberingError) -> StatusError:
    if isinstance(error, GapError):
        return StatusError(grpc.StatusCode.OUT_OF_RANGE, str(error))
    return invalid("offset", str(error))
