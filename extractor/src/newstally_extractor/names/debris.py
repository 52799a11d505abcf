"""What a pipeline takes for a name and is none: link lists, addresses, code."""

import re
from collections import Counter
from functools import lru_cache

from newstally_extractor.counting.normalising import normalise
from newstally_extractor.names.rules.forms import word_set, words_of
from newstally_extractor.names.spelling import LONGEST_REMEMBERED, REMEMBERED

_MOST_WORDS = 12
_MOST_WORDS_OF_PERSON = 6
_MANY_WORDS = 8
"""From so many words on, a list of names is more likely than a name."""

_NEVER_IN_NAMES = re.compile(r"://|^www\.|[|\u2022\u00b7{}\[\]<>=\\_]|\?v=|\w@\w+\.\w")
_NAVIGATION = word_set(
    "about account app blog browse comment comments contact copyright download email facebook faq "
    "feed feedback follow forum google help home instagram jobs linkedin login logout mail menu "
    "more newsletter newsletters next pinterest plus policy previous print privacy read reddit "
    "register reply rss search share shop signin signup sitemap skip snapchat store subscribe "
    "tags telegram terms tiktok top tumblr tweet twitter us vimeo whatsapp youtube & and + of use "
    "support advertise careers"
)
"""What stands in the menus of web sites."""


def key_of(text: str, *, of_person: bool) -> str:
    """Return a text's key; empty if it is no name."""
    if len(text) <= LONGEST_REMEMBERED:
        return _remembered_key(text, of_person)
    return _key(text, of_person)


def _key(text: str, of_person: bool) -> str:
    key = normalise(text)
    return "" if not key or _is_debris(key, words_of(key), of_person) else key


_remembered_key = lru_cache(REMEMBERED)(_key)


def _is_debris(key: str, words: tuple[str, ...], of_person: bool) -> bool:
    if _NEVER_IN_NAMES.search(key):
        return True
    if len(words) < 2:
        return False
    if len(words) > (_MOST_WORDS_OF_PERSON if of_person else _MOST_WORDS):
        return True
    if words[0] in _NAVIGATION and words[-1] in _NAVIGATION and _NAVIGATION.issuperset(words):
        return True
    return len(words) >= _MANY_WORDS and max(Counter(words).values()) > 2
