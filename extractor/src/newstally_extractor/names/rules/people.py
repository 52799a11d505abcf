"""Which texts of an article name the same person."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from newstally_extractor.names.rules.forms import Form, word_set
from newstally_extractor.names.rules.groups import Groups

Words = tuple[str, ...]

_OFFICES = word_set(
    "mr mrs ms miss dr prof professor president vice minister chancellor senator sen rep "
    "representative congressman congresswoman governor gov mayor secretary ambassador general gen "
    "colonel col captain capt lieutenant lt sergeant sgt major admiral commander judge justice "
    "attorney chairman chairwoman chief director speaker premier treasurer hon honorable "
    "honourable rev reverend sheikh ayatollah imam rabbi deputy former foreign defence defense "
    "officer detective inspector constable coach prime sir dame archbishop bishop agent"
)
"""What stands before a name and is no part of it."""
_RANKS = word_set(
    "king queen prince princess emperor empress sultan pope lord lady father sister "
    "brother cardinal"
)
"""What may be left out before a name, but is a part of it: there are too many Benedicts."""
_TITLES = _OFFICES | _RANKS
_NUMBERS = word_set("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi")
_GENERATIONS = _NUMBERS | {"jr", "sr", "junior", "senior"}
"""What tells people of one name apart."""

_MOST_BEARERS = 100
"""Full names that end alike. Of more it is not asked which one a shorter name is: it would take
quadratic time, and hardly be certain."""

_SHORT_FORMS = (
    "abraham abe, alexander alex alec sandy, alfred alf fred, andrew andy drew, anthony tony, "
    "antony tony, arthur art, benjamin ben, catherine cathy kate, charles charlie chuck, "
    "christopher chris, daniel dan danny, david dave, deborah debbie, donald don, edward ed eddie "
    "ted ned, elizabeth liz beth betty, eugene gene, francis frank, frederick fred, gerald gerry "
    "jerry, gregory greg, henry harry hank, herbert herb, jacob jake, james jim jimmy jamie, "
    "jeffrey jeff, jennifer jen, jeremiah jerry, john jack johnny, jonathan jon, joseph joe joey, "
    "joshua josh, katherine kate kathy, kathleen kathy, kenneth ken, kevin kev, kimberly kim, "
    "lawrence larry, leonard len lenny, louis lou, malcolm mal, margaret maggie meg peggy, "
    "matthew matt, michael mike mick mickey, mitchell mitch, nathaniel nate, nicholas nick, "
    "patricia pat patty, patrick pat paddy, peter pete, philip phil, phillip phil, raymond ray, "
    "rebecca becky, richard dick rick rich, robert bob bobby rob, ronald ron, russell russ, "
    "samuel sam, stanley stan, stephen steve, steven steve, susan sue, terence terry, theodore "
    "ted, thomas tom tommy, timothy tim, vincent vince, walter walt, william will bill billy, "
    "zachary zach"
)
_SAME_NAME = frozenset(
    pair
    for long, *shorts in (names.split() for names in _SHORT_FORMS.split(","))
    for short in shorts
    for pair in ((long, short), (short, long))
)


def join_people(forms: Sequence[Form], members: Sequence[int], groups: Groups) -> None:
    """Join what names the same person among `members`, indices of `forms`.

    A shorter name joins longer ones only if all that it fits are one person, and no more than
    `_MOST_BEARERS` end like it; a lone name is looked for as a last or a first name, and only then
    between them.
    """
    alike: dict[Words, int] = {}
    for member in members:
        groups.join(alike.setdefault(without_titles(forms[member].words), member), member)
    fulls = [(words, member) for words, member in alike.items() if len(words) > 1]
    fulls.sort(key=lambda full: (-len(full[0]), forms[full[1]].first))
    before = defaultdict[str, list[tuple[Words, int]]](list)
    for short, member in fulls:
        longer = before[short[-1]]
        if 0 < len(longer) <= _MOST_BEARERS:
            groups.join_only(member, [other for long, other in longer if _fits(short, long)])
        longer.append((short, member))
    _join_lone_names(forms, fulls, alike, groups)


def _join_lone_names(
    forms: Sequence[Form],
    fulls: Sequence[tuple[Words, int]],
    alike: Mapping[Words, int],
    groups: Groups,
) -> None:
    lasts = defaultdict[str, set[int]](set)
    firsts = defaultdict[str, set[int]](set)
    inner = defaultdict[str, set[int]](set)
    for words, member in fulls:
        first, *between, last = _without_generation(words)
        lasts[last].add(member)
        # Who is called by the last name here is not called by the first one.
        if (last,) not in alike:
            firsts[first].add(member)
        for word in between:
            inner[word].add(member)
    for words, lone in alike.items():
        if len(words) > 1:
            continue
        (word,) = words
        before = {full for full in firsts.get(word, ()) if forms[full].first < forms[lone].first}
        bearers = lasts.get(word, set()) | (firsts[word] if word in lasts else before)
        bearers = bearers or inner.get(word, set())
        if not groups.join_only(lone, bearers):
            groups.join_only(lone, {m for m in bearers if forms[m].first < forms[lone].first})


def without_titles(words: Words) -> Words:
    """Return the words of a person's name without the titles before it."""
    return _without(_TITLES, words)


def without_offices(words: Words) -> Words:
    """Return the words of a person's name without the titles that are no part of it."""
    return _without(_OFFICES, words)


def _without(titles: frozenset[str], words: Words) -> Words:
    start, last = 0, len(words) - 1
    while start < last and words[start] in titles and words[start + 1] != "of":
        start += 1
    return words[start:]


def _without_generation(words: Words) -> Words:
    return words[:-1] if len(words) > 2 and words[-1] in _GENERATIONS else words


def _fits(short: Words, long: Words) -> bool:
    """Say whether two names that end alike, the one of fewer words first, may be one person's."""
    if short[-1] in _GENERATIONS and len(short) > 2:
        short, long = short[:-1], long[:-1]
    if _first_fits(short[0], long):
        rest = iter(long[1:-1])
        return all(any(_word_fits(word, other) for other in rest) for word in short[1:-1])
    return len(short) < len(long) and short == long[-len(short) :]


def _first_fits(word: str, long: Words) -> bool:
    return _word_fits(word, long[0]) or any(
        word == other or (word, other) in _SAME_NAME for other in long[:-1]
    )


def _word_fits(one: str, other: str) -> bool:
    """Say whether two words are the same, or one of them the other's initial."""
    return one == other or (one[0] == other[0] and (len(one) == 1 or len(other) == 1))
