"""What a pipeline takes for a name and is none: link lists, addresses, code."""

import re
from collections import Counter
from collections.abc import Sequence

from newstally_extractor.names.rules.forms import word_set

_MOST_WORDS = 12
MOST_WORDS_OF_PERSON = 6
"""A longer one is a list of people."""
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


def is_debris(key: str, words: Sequence[str]) -> bool:
    """Say whether a text with this key and these words is no name, whatever its label."""
    if _NEVER_IN_NAMES.search(key):
        return True
    if len(words) < 2:
        return False
    if len(words) > _MOST_WORDS:
        return True
    if words[0] in _NAVIGATION and words[-1] in _NAVIGATION and _NAVIGATION.issuperset(words):
        return True
    return len(words) >= _MANY_WORDS and max(Counter(words).values()) > 2
