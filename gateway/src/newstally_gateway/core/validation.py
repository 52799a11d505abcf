"""Whether an article can be counted at all."""

from dataclasses import dataclass

from newstally_protos.days import day_of
from newstally_protos.limits import ARTICLE_ID_LIMIT_BYTES, PUBLICATION_LIMIT_BYTES
from newstally_protos.names import find_harmful, publication_key
from newstally_protos.v1.article_pb2 import Article, RefusalReason


@dataclass(frozen=True, slots=True)
class Accepted:
    """An article that goes on to extraction."""

    publication: str
    """Trimmed; 1 to 512 bytes; does no harm on a terminal."""
    article_id: str
    """At most 256 bytes; may be empty."""
    content: str
    """Not blank."""
    size_bytes: int
    """Bytes of the content in UTF-8."""
    day: int | None = None
    """The day that it was published on, if it says so: see newstally_protos.days."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an article is refused."""

    reason: RefusalReason.ValueType
    """For programs."""
    message: str
    """For people: at most 256 bytes, and nothing of the content."""


MALFORMED = Flaw(
    RefusalReason.REFUSAL_REASON_MALFORMED,
    "the article cannot be parsed: a string is not UTF-8, or the bytes are no Article",
)
"""What is wrong with an article that `validate` cannot be shown."""
_NO_TIME = Flaw(
    RefusalReason.REFUSAL_REASON_PUBLISH_TIME_INVALID,
    "the publish_time is outside the years 1 to 9999, or its nanos are outside a second",
)


def validate(article: Article | None, max_content_bytes: int) -> Accepted | Flaw:
    """Say whether the article can be counted; None is a message without an article.

    A refused article needs none of its content: drop the message.
    """
    if article is None:
        return Flaw(RefusalReason.REFUSAL_REASON_ARTICLE_MISSING, "the message carries no article")
    # Each is decoded whenever it is asked for.
    publication, article_id = article.publication.strip(), article.article_id
    content = article.content
    size = size_bytes(content)
    flaw = _find_flaw_in_names(publication, article_id) or _find_flaw_in_content(
        content, size, max_content_bytes
    )
    if flaw is not None:
        return flaw
    day = None
    if article.HasField("publish_time") and (day := day_of(article.publish_time)) is None:
        return _NO_TIME
    return Accepted(publication, article_id, content, size, day)


def size_bytes(text: str) -> int:
    """Return how many bytes the text takes in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _find_flaw_in_names(publication: str, article_id: str) -> Flaw | None:
    if not publication_key(publication):
        return Flaw(
            RefusalReason.REFUSAL_REASON_PUBLICATION_EMPTY, "the publication is empty or blank"
        )
    if size_bytes(publication) > PUBLICATION_LIMIT_BYTES:
        return Flaw(
            RefusalReason.REFUSAL_REASON_PUBLICATION_TOO_LONG,
            f"the publication is over {PUBLICATION_LIMIT_BYTES} bytes",
        )
    if (harmful := find_harmful(publication)) is not None:
        return Flaw(
            RefusalReason.REFUSAL_REASON_MALFORMED,
            f"the publication has a control character or a mark of direction, U+{ord(harmful):04X}",
        )
    if size_bytes(article_id) > ARTICLE_ID_LIMIT_BYTES:
        return Flaw(
            RefusalReason.REFUSAL_REASON_ARTICLE_ID_TOO_LONG,
            f"the article_id is over {ARTICLE_ID_LIMIT_BYTES} bytes",
        )
    return None


def _find_flaw_in_content(content: str, size: int, max_content_bytes: int) -> Flaw | None:
    if size > max_content_bytes:
        return Flaw(
            RefusalReason.REFUSAL_REASON_CONTENT_TOO_LONG,
            f"the content has {size} bytes, over the limit of {max_content_bytes}",
        )
    if not content or content.isspace():
        return Flaw(RefusalReason.REFUSAL_REASON_CONTENT_EMPTY, "the content is empty or blank")
    return None
