"""What the text between two mentions says of them: "the European Union (EU)"."""

import re
from functools import lru_cache

from newstally_extractor.names.rules.forms import Form

LONGEST_GAP = 40
"""In characters. What is further apart is not looked at."""

_REMEMBERED = 4_096
"""How many texts are remembered, of a few words each: one megabyte."""
_ADVERBS = (
    "also|and|best|better|but|commonly|formerly|initially|is|later|locally|more|now|officially|"
    "often|once|or|originally|otherwise|popularly|previously|simply|sometimes|then|was|which|who|"
    "widely"
)
_VERBS = (
    r"a\.?k\.?a\.?|abbreviated|born|called|changed its name|dubbed|known|n\u00e9e|nee|named|"
    r"nicknamed|rebranded|referred to|renamed|short for|shortened|spelled|spelt|styled|translated"
)
_CALLED = re.compile(
    rf"[)\s]*[,(;]?[\s(;,]*(?:(?:{_ADVERBS})\s)*(?:{_VERBS})"
    r"(?:\s(?:simply|locally|officially|as|to|by|the))*\s?[\"'\u2018\u201c]?\Z",
    re.IGNORECASE,
)
_WAS = re.compile(
    r"[)\s]*(?:\((?:now|then|later|or|also|formerly|previously|originally|ex-)|"
    r",\s(?:formerly|previously|originally|or simply)|or simply)(?:\s(?:as|the))*[\s\"\u201c]*\Z",
    re.IGNORECASE,
)
_TRANSLATED = re.compile(
    r"[\s\"\u201d]*\([;,\s]*(?:in )?[a-z]{3,12}(?: [a-z]{3,12})?[:;]\s*[\"\u201c]?\Z", re.IGNORECASE
)


@lru_cache(_REMEMBERED)
def says_same(between: str, *, of_places: bool) -> bool:
    """Say whether what stands between two mentions says that they name the same thing.

    Of places it must say so in words: "now" stands between an empire and what became of it.
    """
    if _CALLED.match(between) or _TRANSLATED.match(between):
        return True
    return not of_places and _WAS.match(between) is not None


def abbreviates(one: Form, other: Form) -> bool:
    """Say whether one of two forms, the second in brackets, abbreviates the other.

    The letters stand in the other one's words in their order, and begin with the same.
    """
    for short, long in ((other, one), (one, other)):
        if short.is_abbreviation:
            letters = iter("".join(long.words))
            return short.key[0] == long.key[0] and all(char in letters for char in short.words[0])
    return False
