"""Which articles are refused before any extractor sees them. Pure."""

from dataclasses import dataclass

from newstally_protos.v1.article_pb2 import Article, RefusalReason

PUBLICATION_LIMIT_BYTES = 4096
ARTICLE_ID_LIMIT_BYTES = 256


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an article is refused."""

    reason: RefusalReason.ValueType
    message: str
    """For people: at most 256 bytes, and nothing of the content."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An article as far as the gateway looks into it."""

    publication: str
    """Trimmed."""
    article_id: str
    """Cut to 256 bytes."""
    size: int
    """The content's length in bytes of UTF-8; 0 when there is an objection."""
    objection: Objection | None


def check(article: Article | None, max_content_bytes: int) -> Checked:
    """Look an article over; None stands for a message without one."""
    if article is None:
        missing = Objection(
            RefusalReason.REFUSAL_REASON_ARTICLE_MISSING, "the message carries no article"
        )
        return Checked("", "", 0, missing)
    publication = article.publication.strip()
    article_id = article.article_id
    if len(article_id) > ARTICLE_ID_LIMIT_BYTES // 4:
        article_id = cut(article_id, ARTICLE_ID_LIMIT_BYTES)
    content = article.content
    # A megabyte takes a tenth of a millisecond to encode, ASCII (by far the most) much less.
    size = len(content) if content.isascii() else len(content.encode())
    objection = _objection(
        publication, len(article_id) < len(article.article_id), content, size, max_content_bytes
    )
    return Checked(publication, article_id, 0 if objection else size, objection)


def _objection(
    publication: str, id_was_cut: bool, content: str, size: int, max_content_bytes: int
) -> Objection | None:
    if not publication:
        return Objection(
            RefusalReason.REFUSAL_REASON_PUBLICATION_EMPTY, "the publication is empty or blank"
        )
    if (
        len(publication) > PUBLICATION_LIMIT_BYTES // 4
        and len(publication.encode()) > PUBLICATION_LIMIT_BYTES
    ):
        return Objection(
            RefusalReason.REFUSAL_REASON_PUBLICATION_TOO_LONG,
            f"the publication is over {PUBLICATION_LIMIT_BYTES} bytes",
        )
    if id_was_cut:
        return Objection(
            RefusalReason.REFUSAL_REASON_ARTICLE_ID_TOO_LONG,
            f"the article_id is over {ARTICLE_ID_LIMIT_BYTES} bytes",
        )
    if size > max_content_bytes:
        return Objection(
            RefusalReason.REFUSAL_REASON_CONTENT_TOO_LONG,
            f"the content has {size} bytes, more than {max_content_bytes}",
        )
    if not content or content.isspace():
        return Objection(
            RefusalReason.REFUSAL_REASON_CONTENT_EMPTY, "the content is empty or blank"
        )
    return None


def cut(text: str, limit_bytes: int) -> str:
    """Return the longest beginning of `text` that takes at most `limit_bytes` in UTF-8."""
    return text.encode()[:limit_bytes].decode(errors="ignore")
