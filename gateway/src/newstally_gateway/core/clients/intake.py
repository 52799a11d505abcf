"""From a client's message to what is admitted: read, numbered, judged, charged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from newstally_protos.limits import ARTICLE_ID_LIMIT_BYTES
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest, UploadArticlesRequest

from newstally_gateway.core.clients.admission import BASE_CHARGE_BYTES, charge_bytes
from newstally_gateway.core.clients.numbering import GapError, Numbered, Numbering, NumberingError
from newstally_gateway.core.clients.statuses import InputError, Reason, Status, invalid
from newstally_gateway.core.outcomes import Refused, refuse_flawed
from newstally_gateway.core.tasks import StreamKey, Task
from newstally_gateway.core.validation import (
    MALFORMED,
    Accepted,
    Flaw,
    validate,
)

Request: TypeAlias = StreamArticlesRequest | UploadArticlesRequest


@dataclass(frozen=True, slots=True)
class Malformed:
    """A message whose article cannot be parsed, but which says where it belongs."""

    upload_id: str
    """Empty if there is none."""
    offset: int | None
    """None: it follows the message before."""
    article_id: str
    """As far as it can be read."""
    size_bytes: int
    """Of the whole message."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that does not even say where it belongs."""

    size_bytes: int
    """Of the whole message."""


Incoming: TypeAlias = Request | Malformed | Unreadable
"""What a client's message can be."""


def size_bytes(incoming: Incoming) -> int:
    """Return how large the message was."""
    if isinstance(incoming, Malformed | Unreadable):
        return incoming.size_bytes
    return incoming.ByteSize()


@dataclass(slots=True)
class Arrival:
    """A new article, before there is memory for it. Of a refused one nothing large is kept."""

    offset: int
    verdict: Accepted | Flaw
    article_id: str
    """At most 256 characters."""
    charge: int
    """Bytes of memory."""

    def work(self, stream: StreamKey, now: float) -> Task | Refused:
        """Return what a replica has to do; or the outcome, which is known already."""
        verdict = self.verdict
        if isinstance(verdict, Flaw):
            return refuse_flawed(self.offset, self.article_id, verdict)
        return Task(
            stream=stream,
            offset=self.offset,
            publication=verdict.publication,
            article_id=verdict.article_id,
            content=verdict.content,
            size_bytes=verdict.size_bytes,
            day=verdict.day,
            admitted_at=now,
        )


class Intake:
    """Takes the messages of one stream in, once its upload is known."""

    def __init__(
        self,
        upload_id: str,
        numbering: Numbering,
        max_content_bytes: int,
        may_write: Callable[[str], bool] | None = None,
    ) -> None:
        """`may_write`: whether the caller may write a publication; None: any."""
        self.upload_id = upload_id
        self._may_write = may_write
        self._numbering = numbering
        self._max_content_bytes = max_content_bytes

    def take(self, incoming: Incoming) -> Arrival | None:
        """Return the article if it is new; None: it is to be passed over. Raises InputError."""
        message = _readable(incoming)
        if message.upload_id and message.upload_id != self.upload_id:
            raise invalid("upload_id", "is another one than the stream's")
        numbered = _number(self._numbering, message)
        if not numbered.fresh:
            return None
        if isinstance(message, Malformed):
            article_id = message.article_id[:ARTICLE_ID_LIMIT_BYTES]
            return Arrival(numbered.offset, MALFORMED, article_id, BASE_CHARGE_BYTES)
        article = message.article if message.HasField("article") else None
        verdict = validate(article, self._max_content_bytes)
        if isinstance(verdict, Accepted):
            if self._may_write is not None and not self._may_write(verdict.publication):
                raise _not_allowed(numbered.offset)
            charge = charge_bytes(verdict.size_bytes)
            return Arrival(numbered.offset, verdict, verdict.article_id, charge)
        article_id = message.article.article_id[:ARTICLE_ID_LIMIT_BYTES]
        return Arrival(numbered.offset, verdict, article_id, BASE_CHARGE_BYTES)

    def settled(self, next_offset: int) -> None:
        """Note that all below `next_offset` are settled; another gateway may have been ahead."""
        self._numbering.settled(next_offset)


def _not_allowed(offset: int) -> InputError:
    return InputError(
        Status(
            Reason.NOT_ALLOWED,
            f"the key may not write the publication of the article at offset {offset}: leave it"
            " out, or send it with a key that may",
        )
    )


def name_upload(first: Incoming) -> str:
    """Return the upload that a stream's first message names; empty: one is to be made.

    Raises InputError, so that no upload is made for nothing.
    """
    message = _readable(first)
    if not message.upload_id:
        _number(Numbering(0, named=False), message)
    return message.upload_id


def _readable(incoming: Incoming) -> Request | Malformed:
    if isinstance(incoming, Unreadable):
        # Its offset could be guessed, but then the wrong article might be refused for good.
        raise invalid("message", "cannot be parsed, not even for its upload_id and offset")
    return incoming


def _number(numbering: Numbering, message: Request | Malformed) -> Numbered:
    if isinstance(message, Malformed) or message.HasField("offset"):
        offset = message.offset
    else:
        offset = None
    try:
        return numbering.number(offset)
    except GapError as error:
        status = Status(Reason.GAP, str(error), next_offset=error.frontier)
        raise InputError(status) from error
    except NumberingError as error:
        raise invalid("offset", str(error)) from error
