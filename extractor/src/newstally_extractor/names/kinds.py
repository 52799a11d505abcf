"""What a name's own words say about its label."""

import re
from collections.abc import Sequence

from newstally_extractor.names.rules.forms import word_set

_LINKS = word_set("of for on in at to against with and between under")
"""What stands behind the word that says what something is: Department of Justice."""

_HEADS = {
    "ORG": word_set(
        "academy agency airlines airways association authority brigade bureau college commission "
        "committee consortium corporation council department directorate federation foundation "
        "holdings inc industries institute institution laboratory ltd ministry motors newspaper "
        "organisation organization party pharmaceuticals robotics secretariat securities society "
        "subcommittee taskforce team technologies university"
    ),
    "MISC": word_set(
        "accord accords act agreement allowance amendment arrangements award awards benefit bonus "
        "code declaration framework guidelines medal payment plan plans principles "
        "prize program programme protocol rebate scheme strategy subsidy tax treaty"
    ),
    "EVENT": word_set("championship championships games olympics summit tournament war"),
    "FAC": word_set("airport freeway highway motorway stadium"),
    "LOC": word_set("mountains ocean river"),
}
"""The last words of names, by the label that people gave to nearly all such names."""
_HOST = re.compile(
    r"\w[\w-]*(?:\.[\w-]+)*\.(?:com|edu|gov|info|int|io|mil|net|org)(?:\.[a-z]{2})?\Z"
)
"""A site by its address is who runs it."""
_LABEL_OF_HEAD = {head: label for label, heads in _HEADS.items() for head in heads}
_LABEL_OF_FIRST = {
    **dict.fromkeys(("cyclone", "hurricane", "typhoon"), "EVENT"),
    **dict.fromkeys(("lake", "mount", "river"), "LOC"),
}
_SETTLED = frozenset({"NORP", "WORK_OF_ART", "PRODUCT", "EVENT"})
"""Labels of names that may end in anything."""
_LEFT = frozenset({("EVENT", "MISC")})
"""Pairs of labels, said and found, of which corpora do not agree."""


def said_label(key: str, words: Sequence[str]) -> str:
    """Return the label that a text's words say it has; nothing if they say none."""
    if len(words) < 2 or " " not in key:
        return "ORG" if "." in key and _HOST.match(key) else ""
    head = words[-1]
    for place, word in enumerate(words[1:-1]):
        if word in _LINKS:
            head = words[place]
            break
    return _LABEL_OF_HEAD.get(head, "") or _LABEL_OF_FIRST.get(words[0], "")


def settle(found: str, said: str) -> str:
    """Return the label of a name, of the one that was found and the one that its words say."""
    return found if found in _SETTLED or (said, found) in _LEFT else said
