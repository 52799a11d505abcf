"""Cut documents where sentences end, for a teacher that reads a bounded number of tokens."""

from __future__ import annotations

from collections.abc import Iterator

from spacy.tokens import Doc

WINDOW = 100
"""Tokens that a window has at most; of spaCy's tokens, so about 130 word pieces."""

_END = frozenset({".", "?", "!", '."', "\u201d"})


def windows(doc: Doc, size: int = WINDOW) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of windows that cover `doc`, ending with sentences if they can."""
    start = 0
    while start < len(doc):
        end = min(start + size, len(doc))
        if end < len(doc):
            cut = next((i for i in range(end, start + size // 2, -1) if _ends(doc, i)), end)
            end = cut
        yield start, end
        start = end


def _ends(doc: Doc, i: int) -> bool:
    return doc[i - 1].text in _END or doc[i - 1].is_space
