"""Reads what clients send, also when it cannot be parsed.

An exception in a deserializer ends the request iterator of a grpc.aio server, and with it the
stream. So nothing raises here: what cannot be parsed is a value of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from google.protobuf.message import DecodeError
from newstally_protos.v1.envelope_pb2 import ArticleEnvelope, ArticleName
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest, UploadArticlesRequest

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

R = TypeVar("R", bound=Request)


def lenient(kind: type[R]) -> Callable[[bytes], R | Malformed | Unreadable]:
    """Return a deserializer of `kind` that never raises because of data."""

    def decode(data: bytes) -> R | Malformed | Unreadable:
        request = kind()
        try:
            request.ParseFromString(data)
        except DecodeError:
            return _salvage(data)
        return request

    return decode


def size_bytes(incoming: Incoming) -> int:
    """Return how large the message was."""
    if isinstance(incoming, Malformed | Unreadable):
        return incoming.size_bytes
    return incoming.ByteSize()


def _salvage(data: bytes) -> Malformed | Unreadable:
    try:
        envelope = ArticleEnvelope.FromString(data)
        upload_id = envelope.upload_id.decode()
    except (DecodeError, UnicodeDecodeError):
        return Unreadable(len(data))
    offset = envelope.offset if envelope.HasField("offset") else None
    return Malformed(upload_id, offset, _article_id(envelope.article), len(data))


def _article_id(article: bytes) -> str:
    try:
        return ArticleName.FromString(article).article_id.decode(errors="replace")
    except DecodeError:
        return ""
