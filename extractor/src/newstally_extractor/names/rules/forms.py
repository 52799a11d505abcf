"""What the rules see of an article: each text that it mentions, once, cut into words."""

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|&")
_DOTTED = re.compile(r"\b[^\W\d_]\.(?:[^\W\d_]\b\.?)+")
_DIACRITIC = re.compile("[\u0300-\u036f]")


@dataclass(slots=True, eq=False)
class Form:
    """A normalised text of an article, under the one label that it has there."""

    key: str
    label: str
    words: tuple[str, ...]
    """See `words_of`."""
    is_abbreviation: bool
    """Whether it is one word in capitals: NATO, U.N., G20, AT&T."""
    first: int
    """Where it is mentioned first, in characters."""
    shown: str
    """The best of its spellings."""
    mentions: int = 1


def words_of(key: str) -> tuple[str, ...]:
    """Return the words of a key without diacritics and punctuation; "u.s" is the word "us".

    There is always one. Scripts that write vowels as marks keep them, and punctuation with them.
    """
    if not key.isascii():
        parts = unicodedata.normalize("NFKD", key)
        key = unicodedata.normalize("NFC", _DIACRITIC.sub("", parts))
        if any(unicodedata.category(char)[0] == "M" for char in key):
            return tuple(key.split())
    if "." in key:
        key = _DOTTED.sub(_without_stops, key)
    return tuple(_WORD.findall(key)) or (key,)


def word_set(text: str) -> frozenset[str]:
    """Return the words of a list that is separated by white space."""
    return frozenset(text.split())


def _without_stops(match: re.Match[str]) -> str:
    return match[0].replace(".", "")
