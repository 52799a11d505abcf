"""Abbreviations of common words: "a content management system (CMS)" names nothing."""

import re
from collections.abc import Set

from newstally_extractor.names.rules.forms import word_set

_BRACKET = re.compile(r"\(([A-Z]{2,8})s?\)")
_CHARACTERS_OF_WORD = 16
_WORD = re.compile(r"[^\W_]+")
_LINKS = word_set("a an and as at by for from in of on or the to with")
"""What need not show in an abbreviation."""


def common_abbreviations(text: str) -> set[str]:
    """Return the capitals of which a text says that they are the first of words in small letters.

    The words stand before the capitals in brackets: "product owner (PO)", "interfaces (APIs)".
    """
    return {
        bracket[1]
        for bracket in _BRACKET.finditer(text)
        if _begin_words(
            bracket[1].lower(),
            text[max(0, bracket.start() - _CHARACTERS_OF_WORD * len(bracket[1])) : bracket.start()],
        )
    }


def is_one_of(abbreviations: Set[str], written: str) -> bool:
    """Say whether a text is one of these abbreviations, or several of it: "the APIs"."""
    return written.strip("() ").removesuffix("s") in abbreviations


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
