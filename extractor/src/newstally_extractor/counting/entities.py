"""What an article's entities are, and how large they may be."""

from collections.abc import Container, Iterable

from newstally_protos.limits import result_limit_bytes

from newstally_extractor.counting.normalising import normalise

Counts = dict[tuple[str, str], int]
"""How often each `(normalised text, label)` is mentioned in one article."""


class NamedCounts(Counts):
    """Counts with the names that readers know."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[tuple[str, str], str] = {}
        """As it is written, where that is not the normalised text."""


_ENVELOPE_BYTES = 1_024
"""More than what a Results message adds around one result."""


def count_mentions(mentions: Iterable[tuple[str, str]], excluded: Container[str]) -> Counts:
    """Count `(text as found, label)` pairs by normalised text and label.

    Mentions with an excluded or empty label, or whose text is no entity, are left out.
    """
    counts: Counts = {}
    for text, label in mentions:
        if not label or label in excluded:
            continue
        if key := normalise(text):
            counts[key, label] = counts.get((key, label), 0) + 1
    return counts


def largest_content_bytes(message_bytes: int) -> int:
    """Return the longest content whose result fits into a message of that size for certain."""
    return (message_bytes - _ENVELOPE_BYTES - result_limit_bytes(0)) // 2
