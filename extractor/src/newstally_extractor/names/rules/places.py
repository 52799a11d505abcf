"""Which texts of an article name the same place."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from newstally_extractor.names.rules.forms import Form, word_set
from newstally_extractor.names.rules.groups import Groups

_KINDS = word_set("city town village islands island peninsula bridge dc")
"""What a place is, behind what it is called; left out when it is named again."""
_KINDS_AFTER_TWO = frozenset({"river", "county"})
"""The same, where a single word before it may be another place: a river, and its state."""
_OTHER_CITIES = word_set(
    "belize gaza guatemala iowa jersey kansas kuwait mexico oklahoma panama quebec"
)
"""What is another place without "City" behind it."""
_STATES = word_set(
    "city commonwealth county democratic district duchy federal federation free islamic kingdom "
    "municipality people's principality province region republic state town union village"
)
"""What stands before "of", and before what a place is called."""
_LINKS = word_set("di de del da do sur an am im on upon la le")
"""What begins the part of a name that tells places of one name apart: "Mola di Bari"."""


def join_places(forms: Sequence[Form], members: Sequence[int], groups: Groups) -> None:
    """Join what names the same place among `members`, indices of `forms`.

    A shortened name joins a longer one before it, if that is the only one.
    """
    alike: dict[tuple[str, ...], int] = {}
    longer = defaultdict[tuple[str, ...], set[int]](set)
    for member in members:
        words = forms[member].words
        groups.join(alike.setdefault(words, member), member)
        if len(words) > 1:
            for short in _shortened(words):
                longer[short].add(member)
    for words, member in alike.items():
        if words in longer:
            first = forms[member].first
            groups.join_only(member, {full for full in longer[words] if forms[full].first < first})


def _shortened(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the shorter forms that a place's words may have when it is named again."""
    last = len(words) - 1
    if last > 1 and words[last] in _KINDS_AFTER_TWO:
        yield words[:last]
    while last > 0 and words[last] in _KINDS:
        if last > 1 or words[last] != "city" or words[0] not in _OTHER_CITIES:
            yield words[:last]
        last -= 1
    for place, word in enumerate(words[1:-1], start=1):
        if word == "of" and _STATES.issuperset(words[:place]):
            yield words[place + 1 :]
        elif word in _LINKS:
            yield words[:place]
            break
