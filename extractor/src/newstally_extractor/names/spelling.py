"""Names as they are written."""

from collections.abc import Iterable
from functools import lru_cache

from newstally_protos.spellings import better

from newstally_extractor.counting.normalising import normalise, trim

REMEMBERED = 32_768
LONGEST_REMEMBERED = 100
"""In characters: what is remembered stays below 20 MB."""

_normalised = lru_cache(REMEMBERED)(normalise)


def normalised(text: str) -> str:
    """Return `normalise(text)`, remembered if the text is short: names come again."""
    return _normalised(text) if len(text) <= LONGEST_REMEMBERED else normalise(text)


def spelling(key: str, texts: Iterable[str]) -> str:
    """Return how the key of all these texts, as they were found, is best shown."""
    best = ""
    for text in texts:
        if text.isascii() and text.lower() == key:  # nothing stands around most of them
            shown = text
        else:
            shown = _remembered(text) if len(text) <= LONGEST_REMEMBERED else _shown(text)
        best = better(best, shown) if best else shown
    return best


def _shown(text: str) -> str:
    """Return a text without what stands around it; its key where that is not the same name."""
    key = normalise(text)
    shown = trim(text)
    return shown if normalise(shown) == key else key


_remembered = lru_cache(REMEMBERED)(_shown)
