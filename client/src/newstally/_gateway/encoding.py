"""Makes messages of articles, so that no article can end an upload.

A message over the gateway's receive limit would break the stream, and a lone surrogate cannot be
encoded at all. So what is too long is cut to just above the limit of its field, for content the
highest that a gateway can be given: every gateway then refuses the article in its turn, with its
offset and the right reason. What cannot be encoded is replaced by U+FFFD. A record that is no
article is sent as what it is, bytes that are no Article: every gateway refuses it as MALFORMED.
"""

from collections.abc import Mapping
from datetime import datetime
from numbers import Integral
from typing import TypeAlias

import grpc
from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    CONTENT_LIMIT_BYTES,
    PUBLICATION_LIMIT_BYTES,
)
from newstally_protos.v1 import article_pb2, gateway_pb2
from newstally_protos.v1.envelope_pb2 import ArticleEnvelope
from newstally_protos.v1.gateway_pb2 import StreamArticlesResponse

from newstally.days.times import UnreadableTimeError, to_time
from newstally.values import MALFORMED, Article, present

Message: TypeAlias = gateway_pb2.StreamArticlesRequest | ArticleEnvelope
"""What is sent; the envelope has the fields of the request."""
StreamArticles: TypeAlias = "grpc.aio.StreamStreamMultiCallable[Message, StreamArticlesResponse]"
"""Opens a stream."""
_METHOD = "/newstally.v1.GatewayService/StreamArticles"
_NO_ARTICLE = b"\xff"
_FIELDS = ("publication", "content", "article_id", "publish_time")


def stream_articles(channel: grpc.aio.Channel) -> StreamArticles:
    """Return the method as the generated stub has it, but for both kinds of message."""
    return channel.stream_stream(
        _METHOD,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=StreamArticlesResponse.FromString,
    )


def to_request(upload_id: str, offset: int, item: object) -> Message:
    """Return the message for an article; it is always far below 2 MiB.

    What is no Article and no mapping of its fields, or has a field that is no string, is sent as
    malformed. What pandas takes for missing is empty.
    """
    article = _as_article(item)
    if article is MALFORMED:
        return ArticleEnvelope(upload_id=upload_id.encode(), offset=offset, article=_NO_ARTICLE)
    request = gateway_pb2.StreamArticlesRequest(
        upload_id=upload_id,
        offset=offset,
        article=article_pb2.Article(
            publication=_bounded(article.publication, PUBLICATION_LIMIT_BYTES, trim=True),
            content=_bounded(article.content, CONTENT_LIMIT_BYTES),
            article_id=_bounded(article.article_id, ARTICLE_ID_LIMIT_BYTES),
        ),
    )
    if article.publish_time is not None:
        request.article.publish_time.FromDatetime(article.publish_time)
    return request


def _as_article(item: object) -> Article:
    if item is MALFORMED:
        return MALFORMED
    fields: list[object]
    if isinstance(item, Article):
        fields = [item.publication, item.content, item.article_id, item.publish_time]
    elif isinstance(item, Mapping):
        fields = [item.get(name) for name in _FIELDS]
    else:
        return MALFORMED
    publication, content, article_id, time = map(present, fields)
    if isinstance(article_id, Integral) and not isinstance(article_id, bool):
        article_id = str(article_id)
    if isinstance(publication, str) and isinstance(content, str) and isinstance(article_id, str):
        return Article(publication, content, article_id, _readable(time))
    return MALFORMED


def _readable(time: object) -> datetime | None:
    """Return the time, if it is one: an article without a time is counted as well."""
    try:
        return to_time(time)
    except UnreadableTimeError:
        return None


def _bounded(text: str, limit_bytes: int, *, trim: bool = False) -> str:
    """Return `text`, or if it is longer than the limit a beginning of it that is, too."""
    if text.isascii() and len(text) <= limit_bytes:
        return text
    try:
        data = text.encode()
    except UnicodeEncodeError:
        # Through UTF-16, so that two halves of a pair become the character they stand for.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        data = text.encode()
    if len(data) <= limit_bytes:
        return text
    if trim:
        data = text.strip().encode()
    # The dots take it over the limit, also if the receiver trims white space off its end.
    return (
        data[:limit_bytes].decode(errors="ignore") + "[...]"
        if len(data) > limit_bytes
        else data.decode()
    )
