"""Names as they are written."""

from collections.abc import Iterable
from functools import lru_cache

from newstally_protos.spellings import better

from newstally_extractor.counting.normalising import normalise, trim

_REMEMBERED = 32_768
_LONGEST_REMEMBERED = 100
"""In characters: what is remembered stays below 20 MB."""

_remembered = lru_cache(_REMEMBERED)(normalise)
_trimmed = lru_cache(_REMEMBERED)(trim)


def normalised(text: str) -> str:
    """Return `normalise(text)`, remembered if the text is short: names come again."""
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else normalise(text)


def spelling(key: str, texts: Iterable[str]) -> str:
    """Return how `key` is best shown, of the texts as found that were normalised to it."""
    best = ""
    for text in texts:
        trimmed = _trimmed(text) if len(text) <= _LONGEST_REMEMBERED else trim(text)
        best = better(best, trimmed)
    return best if normalised(best) == key else key
