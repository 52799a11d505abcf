"""Which name each mention of an article is counted under."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from newstally_extractor.names.aliases import NO_NAME, Aliases
from newstally_extractor.names.common import LONGEST_ABBREVIATION, abbreviates_words
from newstally_extractor.names.debris import key_of
from newstally_extractor.names.kinds import label_by_words
from newstally_extractor.names.labels import one_label_each
from newstally_extractor.names.languages import LANGUAGES, is_language
from newstally_extractor.names.rules.between import LONGEST_GAP, abbreviates, says_same
from newstally_extractor.names.rules.canonical import fullest
from newstally_extractor.names.rules.forms import Form, words_of
from newstally_extractor.names.rules.groups import Groups
from newstally_extractor.names.rules.organisations import join_organisations
from newstally_extractor.names.rules.people import join_people, without_offices
from newstally_extractor.names.rules.places import join_places
from newstally_extractor.names.spelling import normalised, spelling

RULES = 1
"""The version of the rules. It changes whenever an article's names may."""

Mention = tuple[int, int, str]
"""First character, the one behind the last, label."""
Name = tuple[str, str, str]
"""Key, label and spelling. The key is the spelling, normalised."""

_Rules = Callable[[Sequence[Form], Sequence[int], Groups], None]
_RULES: dict[str, _Rules] = {
    "PERSON": join_people,
    **dict.fromkeys(("GPE", "LOC", "FAC"), join_places),
    **dict.fromkeys(("ORG", "MISC", "EVENT", "PRODUCT", "WORK_OF_ART"), join_organisations),
}
"""By label. What has the same rules may be the same thing."""
_LANGUAGE_COUNTS = 3
"""What one mention of a language counts against those of a people: two of it, at least."""
_HALVES = frozenset({" and ", " & ", ", ", " "})
"""What stands between the halves of a name that was found in two."""
_LONGEST_HALVING = max(map(len, _HALVES))


@dataclass(slots=True)
class _Found:
    """A mention that is a name."""

    start: int
    end: int
    key: str
    label: str
    written: str


class Namer:
    """The rules and the table: a function of an article's text and mentions, and nothing else."""

    def __init__(self, aliases: Aliases) -> None:
        """Use the table on what the rules have decided."""
        self._aliases = aliases

    @property
    def version(self) -> str:
        """Which rules and which table these are: "merged-1-0a1b2c3d"."""
        return f"merged-{RULES}-{self._aliases.digest}"

    def names(self, text: str, mentions: Sequence[Mention]) -> list[Name | None]:
        """Return, for each mention in the text's order, the name that it is counted under.

        None for what is no name, and for the second half of a name that was found in two.
        """
        found = _without_common(text, self._found(text, mentions))
        kept = [each for each in found if each is not None]
        forms, numbers = _forms(kept, _labels(text, kept))
        groups = Groups(len(forms))
        _join_said(text, kept, forms, numbers, groups)
        _join_by_rules(forms, groups)
        members: dict[int, list[Form]] = {}
        group_of = [groups.of(number) for number in range(len(forms))]
        for group, form in zip(group_of, forms, strict=True):
            members.setdefault(group, []).append(form)
        names = {group: self._name(of_group) for group, of_group in members.items()}
        return [None if each is None else names[group_of[numbers[each.key]]] for each in found]

    def _found(self, text: str, mentions: Sequence[Mention]) -> list[_Found | None]:
        """Return what is a name, the halves of a name that the table has put together."""
        found: list[_Found | None] = []
        last: _Found | None = None
        for start, end, label in mentions:
            if (
                last is not None
                and start - last.end <= _LONGEST_HALVING
                and text[last.end : start] in _HALVES
            ):
                whole = text[last.start : end]
                if (key := normalised(whole)) in self._aliases:
                    last.end, last.key, last.written = end, key, whole
                    found.append(None)
                    continue
            written = text[start:end]
            key = key_of(written, of_person=label == "PERSON")
            last = _Found(start, end, key, label, written) if key else None
            found.append(last)
        return found

    def _name(self, forms: Sequence[Form]) -> Name | None:
        """Return what the texts of one thing are counted under; None if it is no name."""
        best = forms[0] if len(forms) == 1 else fullest(forms)
        alias = self._aliases.find(best.key, best.label)
        if alias is None and len(forms) > 1:
            found = (self._aliases.find(form.key, best.label) for form in forms)
            alias = next((each for each in found if each and each.name != NO_NAME), None)
        if alias is not None:
            return None if alias.name == NO_NAME else (alias.key, alias.label, alias.name)
        shown = spelling(best.key, best.texts)
        if (
            best.label == "PERSON"
            and len(best.words) > 1
            and (offices := len(best.words) - len(without_offices(best.words)))
        ):
            name = " ".join(shown.split()[offices:])
            if key := normalised(name):
                return key, best.label, name
        return best.key, self._label_of_version(best), shown

    def _label_of_version(self, form: Form) -> str:
        """Return a form's label; a product's if the table has it without a number: iPhone 4."""
        whole, _, number = form.key.rpartition(" ")
        if whole and number[0].isdecimal():
            product = self._aliases.find(whole, form.label)
            if product is not None and product.label == "PRODUCT":
                return product.label
        return form.label


def _forms(found: Sequence[_Found], labels: Mapping[str, str]) -> tuple[list[Form], dict[str, int]]:
    """Return the texts of an article, and the number of each key's."""
    forms: list[Form] = []
    numbers: dict[str, int] = {}
    for each in found:
        key = each.key
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(forms)
            forms.append(Form(key, labels[key], words_of(key), each.start, each.written))
        form = forms[number]
        form.mentions += 1
        form.texts.add(each.written)
    return forms, numbers


def _labels(text: str, found: Sequence[_Found]) -> dict[str, str]:
    """Return the one label that each key has in the article."""
    labels: dict[str, str] = {}
    unclear = False
    for each in found:
        key = each.key
        if labels.setdefault(key, each.label) != each.label or key in LANGUAGES:
            unclear = True
    if unclear:
        labelled = [(each.key, each.label) for each in found]
        for each in found:
            if (
                each.key in LANGUAGES
                and each.label == "NORP"
                and is_language(text, each.start, each.end)
            ):
                labelled += [(each.key, "MISC")] * _LANGUAGE_COUNTS
        labels = one_label_each(labelled)
    return {key: label_by_words(key, label) for key, label in labels.items()}


def _without_common(text: str, found: Sequence[_Found | None]) -> Sequence[_Found | None]:
    """Return what was found without abbreviations of which the text says that they are words."""
    if ")" not in text:
        return found
    common = {
        each.key
        for each in found
        if each is not None
        and len(each.written) <= LONGEST_ABBREVIATION
        and each.written[1:2].isupper()
        and abbreviates_words(text, each.written)
    }
    if not common:
        return found
    return [None if each is None or each.key in common else each for each in found]


def _join_said(
    text: str,
    found: Sequence[_Found],
    forms: Sequence[Form],
    numbers: dict[str, int],
    groups: Groups,
) -> None:
    """Join neighbours of which the text says that they are the same."""
    for one, other in pairwise(found):
        if other.start - one.end > LONGEST_GAP or one.key == other.key:
            continue
        first, second = numbers[one.key], numbers[other.key]
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
