"""Names as they are written."""

from collections.abc import Iterable
from functools import lru_cache

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
    """Return how `key` is best shown, of the texts as found that were normalised to it.

    The best is the one that `better` prefers to all others, whatever their order.
    """
    best = ""
    for text in texts:
        trimmed = _trimmed(text) if len(text) <= _LONGEST_REMEMBERED else trim(text)
        best = better(best, trimmed) if best else trimmed
    return best if normalised(best) == key else key


def better(one: str, other: str) -> str:
    """Return the better of two spellings of one key.

    More words with a capital are better, all in capitals is worse, and of equals the one that sorts
    last: associative and commutative, so that the best of many does not depend on their order.
    """
    return max(one, other, key=_rank)


@lru_cache(4096)
def _rank(text: str) -> tuple[int, int, str]:
    words = text.split()
    shown = sum(1 for word in words if not word.islower())
    shouted = len(text) > 1 and text.isupper()
    return (0 if not words else 1 if shouted or text.islower() else 2), shown, text
