"""Which texts of an article name the same organisation."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, lru_cache

from newstally_extractor.names.rules.forms import Form, word_set
from newstally_extractor.names.rules.groups import Groups

Words = tuple[str, ...]

_REMEMBERED = 8_192
"""How many names' keys are remembered: names come again."""

_LEGAL = word_set(
    "inc incorporated corp corporation co company companies ltd limited plc llc llp lp gmbh ag sa "
    "spa nv bv ab oy as kk"
)
"""What says of a company what it is by law, at its end."""

_KINDS = _LEGAL | word_set(
    "group holdings holding association associates agency airlines airways authority bank "
    "brothers bros bureau center centre college commission committee council department "
    "federation foundation fund hotel industries institute institution international media "
    "ministry motors motor movement newspaper newspapers office organisation organization "
    "parliament party petroleum press publishing records school schools service services society "
    "studios systems team technologies trust union university distribution high preparatory"
)
"""What an organisation is, behind what it is called; left out when it is named again."""

_COMMON = word_set(
    "agency alliance assembly association authority bank board bureau centre center "
    "chamber church club coalition college commission committee commonwealth company conference "
    "congress corporation council court department federation foundation front fund "
    "group house institute institution league legislature ministry movement "
    "organisation organization parliament party school senate service society team trust union "
    "university"
)
"""What an organisation may be called when it is named again, alone."""

_SMALL = word_set(
    "of the and for in on at to a an de la le les des du et y und der die das & del di e do da "
    "against by with from"
)
"""What need not show in an abbreviation."""

_OFFICES = frozenset({"department", "ministry", "university"})
"""What is left out with the "of" behind it."""
_SHOWN = frozenset({"for", "of"})
"""What does show in some."""
_SPELT_OUT = 3
"""Letters of which one may be from inside a word."""
_SPELT = frozenset({"us", "uk", "un", "eu"})
"""Abbreviations that others begin with."""
_AND = frozenset({"and", "&"})


def join_organisations(forms: Sequence[Form], members: Sequence[int], groups: Groups) -> None:
    """Join what names the same organisation among `members`, indices of `forms`.

    An abbreviation or a fragment joins a longer name that it fits, and a shortened name a longer
    one before it, if that is the only one.
    """
    alike: dict[Words, int] = {}
    names = [_without_legal(forms[member].words) for member in members]
    for member, words in zip(members, names, strict=True):
        groups.join(alike.setdefault(words, member), member)
    abbreviations = {forms[member].words for member in members if forms[member].is_abbreviation}
    initials = _abbreviated(forms, alike, abbreviations) if abbreviations else {}
    by_initials = cache(lambda: _by_initials(alike))  # seldom needed
    wholes, longer = _longer_names(alike)
    if not (abbreviations or wholes or longer):
        return
    for member, words in zip(members, names, strict=True):
        if words in abbreviations and _join_abbreviation(
            member, words, initials, by_initials, groups
        ):
            continue
        if words in wholes and groups.join_only(member, wholes[words]):
            continue
        if words in longer:
            first = forms[member].first
            groups.join_only(member, {full for full in longer[words] if forms[full].first < first})


def _join_abbreviation(
    member: int,
    words: Words,
    initials: Mapping[Words, set[int]],
    by_initials: Callable[[], Mapping[str, Sequence[tuple[Words, int]]]],
    groups: Groups,
) -> bool:
    """Join an abbreviation to the name that it abbreviates, by first letters before all others."""
    if words in initials and groups.join_only(member, initials[words]):
        return True
    letters = words[0]
    if len(letters) < _SPELT_OUT:
        return False
    without_one = {letters[:place] + letters[place + 1 :] for place in range(1, len(letters))}
    spelt = {
        full
        for others in without_one
        for name, full in by_initials().get(others, ())
        if name[0][0] == letters[0] and _spells(letters, name)
    }
    return groups.join_only(member, spelt)


def _by_initials(alike: Mapping[Words, int]) -> dict[str, list[tuple[Words, int]]]:
    """Return the names of several words by the first letters of those that need to show."""
    found = defaultdict[str, list[tuple[Words, int]]](list)
    for words, member in alike.items():
        if len(words) > 1:
            found["".join(word[0] for word in words if word not in _SMALL)].append((words, member))
    return found


def _abbreviated(
    forms: Sequence[Form], alike: Mapping[Words, int], abbreviations: Set[Words]
) -> dict[Words, set[int]]:
    """Return the names of several words whose first letters each abbreviation has."""
    found = defaultdict[Words, set[int]](set)
    for words, member in alike.items():
        if len(words) > 1:
            whole = forms[member].words
            for letters in _initials(words):
                if letters in abbreviations:
                    found[letters].add(member)
            if len(whole) > len(words):  # with what says what it is by law
                for letters in _initials(whole):
                    if letters in abbreviations:
                        found[letters].add(member)
    return found


def _longer_names(
    alike: Mapping[Words, int],
) -> tuple[dict[Words, set[int]], dict[Words, set[int]]]:
    """Return the names of which each one may be a fragment, and those that it may be short for."""
    wholes = defaultdict[Words, set[int]](set)
    longer = defaultdict[Words, set[int]](set)
    shared = _shared(alike)
    if not shared:
        return wholes, longer
    for words, member in alike.items():
        # What is short for a name has words of it.
        if len(words) > 1 and not shared.isdisjoint(words):
            fragments, shortened = _parts(words)
            for index, keys in ((wholes, fragments), (longer, shortened)):
                for key in keys:
                    if key in alike:
                        index[key].add(member)
    return wholes, longer


def _shared(names: Iterable[Words]) -> set[str]:
    """Return the words that several names have, but for what need not show."""
    seen: set[str] = set()
    shared: set[str] = set()
    for words in names:
        of_name = set(words)
        shared |= seen & of_name
        seen |= of_name
    return shared - _SMALL


@lru_cache(_REMEMBERED)
def _parts(words: Words) -> tuple[tuple[Words, ...], tuple[Words, ...]]:
    """Return the fragments and the shortened names that may stand for an organisation."""
    return tuple(_cut_off(words)), (*_shortened(words), *_behind(words))


def _without_legal(words: Words) -> Words:
    end = len(words)
    while end > 1 and words[end - 1] in _LEGAL:
        end -= 1
    return words[:end]


def _initials(words: Words) -> Iterator[Words]:
    if words[0] in _SPELT:
        words = (*words[0], *words[1:])
    yield ("".join([word[0] for word in words]),)
    if not _SMALL.isdisjoint(words):
        yield ("".join([word[0] for word in words if word not in _SMALL]),)
        yield ("".join([word[0] for word in words if word not in _SMALL or word in _SHOWN]),)


def _shortened(words: Words) -> Iterator[Words]:
    """Yield the shorter forms that an organisation's words may have when it is named again."""
    last = len(words) - 1
    for place, word in enumerate(words):
        if word in _COMMON and (place == last or words[place + 1] in _SMALL):
            yield (word,)
    while last > 0 and words[last] in _KINDS:
        yield words[:last]
        last -= 1
    for place in range(2, last):
        if words[place] == "of":
            yield words[:place]


def _behind(words: Words) -> Iterator[Words]:
    """Yield what is left of an organisation's words without those that it begins with."""
    if words[-1] in _COMMON:
        for place in range(1, len(words) - 1):
            yield words[place:]
    if words[:2] == ("united", "states"):
        yield words[2:]
    elif words[0] == "us":
        yield words[1:]
    elif words[1] == "of" and words[0] in _OFFICES:
        yield words[3:] if words[2:3] == ("the",) else words[2:]


def _cut_off(words: Words) -> Iterator[Words]:
    """Yield what is left of an organisation's words where a pipeline takes "and" for its end."""
    for place in range(2, len(words) - 1):
        if words[place] in _AND:
            yield words[:place]


def _spells(letters: str, words: Words) -> bool:
    """Say whether letters are the first ones of words, and one from inside: SoftWare Carpentry."""
    words = tuple(word for word in words if word not in _SMALL)
    if len(letters) != len(words) + 1 or letters in words:
        return False
    initials = "".join(word[0] for word in words)
    # Of two words, vowels make too many: "pia" is not the Privacy Act.
    return any(
        letter in words[place][1:]
        and (len(words) > 2 or letter not in "aeiou")
        and letters[: place + 1] + letters[place + 2 :] == initials
        for place, letter in enumerate(letters[1:])
    )
