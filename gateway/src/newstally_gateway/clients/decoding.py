"""Reads what clients send, also when it cannot be parsed.

An exception in a deserializer ends the request iterator of a grpc.aio server, and with it the
stream. So nothing raises here: what cannot be parsed is a value of its own.
"""

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import DecodeError
from newstally_protos.v1.envelope_pb2 import ArticleEnvelope, ArticleName

from newstally_gateway.core.clients.intake import Malformed, Request, Unreadable

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
