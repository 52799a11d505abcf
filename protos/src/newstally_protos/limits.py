"""The limits of the protocol. Sizes are bytes, of texts in UTF-8."""

MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024
"""Largest message that a service or a client takes: four times the longest content and more."""
SEND_LIMIT_BYTES = MESSAGE_LIMIT_BYTES - 64 * 1024
"""Services cut what they send below this, so that the receiver's limit is never met."""

CONTENT_LIMIT_BYTES = 1_000_000
"""Longest content of an article; a gateway or an extractor may be set to take less."""
PUBLICATION_LIMIT_BYTES = 512
"""Longest publication, after trimming; gateways up to 0.2.0 take 4,096."""
ARTICLE_ID_LIMIT_BYTES = 256
"""Longest article_id."""
FINGERPRINT_LIMIT_BYTES = 64
"""Longest fingerprint of an upload's input."""
REASON_LIMIT_BYTES = 256
"""Longest message of a refusal, or of an extractor's failure."""
MODEL_LIMIT_BYTES = 256
"""Longest model ("name version")."""
ENTITY_TEXT_LIMIT_BYTES = 4096
"""Longest text of an entity."""
LABEL_LIMIT_BYTES = 64
"""Longest label of an entity."""

PAGE_LIMIT_ITEMS = 1_000
"""Most items in a page of any list."""
SIGHTINGS_LIMIT = 1_000
"""Most releases and errors that a gateway tells of at once; what is over is not looked at."""


def result_limit_bytes(content_bytes: int) -> int:
    """Return the most that the entities of an article with so much content may take, serialised."""
    return 2 * content_bytes + 8 * 1024


def cut(text: str, limit_bytes: int) -> str:
    """Return the text, or as much of its beginning as fits into the limit, in whole characters."""
    # Four bytes is the longest character: most texts need no encoding to tell.
    if len(text) * 4 <= limit_bytes:
        return text
    return text.encode()[:limit_bytes].decode(errors="ignore")
