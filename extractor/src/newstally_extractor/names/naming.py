"""Which name each mention of an article is counted under."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from newstally_extractor.counting.normalising import normalise
from newstally_extractor.names.aliases import NO_NAME, Aliases
from newstally_extractor.names.finding import Found, Mention, find, forms_of
from newstally_extractor.names.rules.between import LONGEST_GAP, abbreviates, says_same
from newstally_extractor.names.rules.canonical import fullest
from newstally_extractor.names.rules.forms import Form, words_of
from newstally_extractor.names.rules.groups import Groups
from newstally_extractor.names.rules.organisations import join_organisations
from newstally_extractor.names.rules.people import join_people, without_offices
from newstally_extractor.names.rules.places import join_places

RULES = 1
"""The version of the rules. It changes whenever an article's names may."""

Name = tuple[str, str, str]
"""Key, label and spelling. The key is the spelling, normalised."""

_Rules = Callable[[Sequence[Form], Sequence[int], Groups], None]
_RULES: dict[str, _Rules] = {
    "PERSON": join_people,
    **dict.fromkeys(("GPE", "LOC", "FAC"), join_places),
    **dict.fromkeys(("ORG", "MISC", "EVENT", "PRODUCT", "WORK_OF_ART"), join_organisations),
}
"""By label. What has the same rules may be the same thing."""
_REMEMBERED = 8_192
_LONGEST_REMEMBERED = 64
"""In characters: what is remembered stays below 10 MB."""


class Namer:
    """The rules and the table: a function of an article's text and mentions, and nothing else."""

    def __init__(self, aliases: Aliases) -> None:
        """Use the table on what the rules have decided."""
        self._aliases = aliases
        self._remembered = lru_cache(_REMEMBERED)(self._name_of)

    @property
    def version(self) -> str:
        """Which rules and which table these are: "merged-1-0a1b2c3d"."""
        return f"merged-{RULES}-{self._aliases.digest}"

    def names(self, text: str, mentions: Sequence[Mention]) -> list[Name | None]:
        """Return, for each mention in the text's order, the name that it is counted under.

        None for what is no name, and for the second half of a name that was found in two.
        """
        found = find(text, mentions, self._aliases)
        group_of, groups = _groups(text, [each for each in found if each is not None])
        names = {group: self._name(forms) for group, forms in groups.items()}
        return [None if each is None else names[group_of[each.form]] for each in found]

    def counted(self, text: str, mentions: Sequence[Mention]) -> Iterator[tuple[Name, int]]:
        """Yield the names of an article, and how many mentions each has; a name may come twice."""
        found = find(text, mentions, self._aliases)
        for forms in _groups(text, [each for each in found if each is not None])[1].values():
            name = self._name(forms)
            if name is not None:
                yield name, sum([form.mentions for form in forms])

    def _name(self, forms: Sequence[Form]) -> Name | None:
        """Return what the texts of one thing are counted under; None if it is no name."""
        best = forms[0]
        if len(forms) > 1:
            best = fullest(forms)
            if self._aliases.find(best.key, best.label) is None:
                found = (self._aliases.find(form.key, best.label) for form in forms)
                alias = next((each for each in found if each and each.name != NO_NAME), None)
                if alias is not None:
                    return alias.key, alias.label, alias.name
        if len(best.shown) > _LONGEST_REMEMBERED:
            return self._name_of(best.key, best.label, best.shown)
        return self._remembered(best.key, best.label, best.shown)

    def _name_of(self, key: str, label: str, shown: str) -> Name | None:
        """Return what a text is counted under that stands for one thing."""
        alias = self._aliases.find(key, label)
        if alias is not None:
            return None if alias.name == NO_NAME else (alias.key, alias.label, alias.name)
        if label == "PERSON":
            words = words_of(key)
            if offices := len(words) - len(without_offices(words)):
                name = " ".join(shown.split()[offices:])
                if key_of_name := normalise(name):
                    return key_of_name, label, name
        return key, self._label_of_version(key, label), shown

    def _label_of_version(self, key: str, label: str) -> str:
        """Return a text's label; a product's if the table has it without a number: iPhone 4."""
        whole, _, number = key.rpartition(" ")
        if whole and number[0].isdecimal():
            product = self._aliases.find(whole, label)
            if product is not None and product.label == "PRODUCT":
                return product.label
        return label


def _groups(text: str, found: Sequence[Found]) -> tuple[list[int], dict[int, list[Form]]]:
    """Return each form's group, by its number, and the forms of each group."""
    forms = forms_of(text, found)
    groups = Groups(len(forms))
    _join_said(text, found, forms, groups)
    _join_by_rules(forms, groups)
    group_of = [groups.of(number) for number in range(len(forms))]
    members: dict[int, list[Form]] = {}
    for group, form in zip(group_of, forms, strict=True):
        members.setdefault(group, []).append(form)
    return group_of, members


def _join_said(text: str, found: Sequence[Found], forms: Sequence[Form], groups: Groups) -> None:
    """Join neighbours of which the text says that they are the same."""
    for one, other in pairwise(found):
        first, second = one.form, other.form
        if other.start - one.end > LONGEST_GAP or first == second:
            continue
        rules = _RULES.get(forms[first].label)
        others = _RULES.get(forms[second].label)
        if rules is None or others is None:
            continue
        between = text[one.end : other.start]
        if between in (" (", "("):
            same = (
                text[other.end : other.end + 1] == ")"
                and rules is not join_people
                and others is not join_people
                and abbreviates(forms[first], forms[second])
            )
        else:
            same = rules is others and says_same(between, of_places=rules is join_places)
        if same:
            groups.join(first, second)


def _join_by_rules(forms: Sequence[Form], groups: Groups) -> None:
    members = defaultdict[_Rules, list[int]](list)
    for number, form in enumerate(forms):
        rules = _RULES.get(form.label)
        if rules is not None:
            members[rules].append(number)
    for rules, of_rules in members.items():
        if len(of_rules) > 1:
            rules(forms, of_rules, groups)
