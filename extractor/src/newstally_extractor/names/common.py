"""Abbreviations of common words: "a content management system (CMS)" names nothing."""

import re

from newstally_extractor.names.rules.forms import word_set

LONGEST_ABBREVIATION = 8
"""In characters."""
_WORD = re.compile(r"[^\W_]+")
_LINKS = word_set("a an and as at by for from in of on or the to with")
"""What need not show in an abbreviation."""


def abbreviates_words(text: str, written: str) -> bool:
    """Say whether a text explains capitals by words in small letters, of which they are the first.

    The words stand before the capitals in brackets: "product owner (PO)", "interfaces (APIs)".
    """
    capitals = written.strip("() ").removesuffix("s")
    if len(capitals) < 2 or not capitals.isalpha() or not capitals.isupper():
        return False
    for bracket in (f"({capitals})", f"({capitals}s)"):
        at = text.find(bracket)
        if at > 0 and _begin_words(capitals.lower(), text[max(0, at - 16 * len(capitals)) : at]):
            return True
    return False


def _begin_words(letters: str, before: str) -> bool:
    """Say whether letters are the first ones of the words at the end, all in small letters."""
    left = letters
    for word in reversed(_WORD.findall(before)):
        if not word.islower():
            return False
        if word[0] == left[-1]:
            left = left[:-1]
            if not left:
                return True
        elif word not in _LINKS:
            return False
    return False
