"""Which refusals can be foreseen: all that need no extraction."""

from newstally_protos.days import day_of
from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    CONTENT_LIMIT_BYTES,
    PUBLICATION_LIMIT_BYTES,
)
from newstally_protos.names import find_harmful, publication_key
from newstally_protos.v1 import gateway_pb2

from newstally._gateway.encoding import to_request
from newstally.values import Article, RefusalReason


def foreseen(article: Article) -> RefusalReason | None:
    """Return why a gateway will refuse the article, or None.

    It is looked at as it would be sent. One that is set to take shorter contents than
    CONTENT_LIMIT_BYTES refuses more.
    """
    request = to_request("", 0, article)
    if not isinstance(request, gateway_pb2.StreamArticlesRequest):
        return RefusalReason.MALFORMED
    sent = request.article
    publication, content = sent.publication.strip(), sent.content
    checks = (
        (RefusalReason.PUBLICATION_EMPTY, not publication_key(publication)),
        (RefusalReason.PUBLICATION_TOO_LONG, _size(publication) > PUBLICATION_LIMIT_BYTES),
        (RefusalReason.MALFORMED, find_harmful(publication) is not None),
        (RefusalReason.ARTICLE_ID_TOO_LONG, _size(sent.article_id) > ARTICLE_ID_LIMIT_BYTES),
        (RefusalReason.CONTENT_TOO_LONG, _size(content) > CONTENT_LIMIT_BYTES),
        (RefusalReason.CONTENT_EMPTY, not content or content.isspace()),
        (
            RefusalReason.PUBLISH_TIME_INVALID,
            sent.HasField("publish_time") and day_of(sent.publish_time) is None,
        ),
    )
    return next((reason for reason, found in checks if found), None)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
