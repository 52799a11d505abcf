"""What an article mentions: each text once, under one label."""

from collections.abc import Sequence
from dataclasses import dataclass

from newstally_protos.spellings import better

from newstally_extractor.names.aliases import Aliases
from newstally_extractor.names.common import common_abbreviations, is_one_of
from newstally_extractor.names.debris import MOST_WORDS_OF_PERSON
from newstally_extractor.names.kinds import settle
from newstally_extractor.names.labels import one_label_each
from newstally_extractor.names.languages import LANGUAGES, is_language
from newstally_extractor.names.rules.forms import Form
from newstally_extractor.names.texts import Text, read_text

Mention = tuple[int, int, str]
"""First character, the one behind the last, label."""

_LANGUAGE_COUNTS = 3
"""What one mention of a language counts against those of a people: two of it, at least."""
_HALVES = frozenset({" and ", " & ", ", ", " "})
"""What stands between the halves of a name that was found in two."""
_LONGEST_HALVING = max(map(len, _HALVES))


@dataclass(slots=True, eq=False)
class Found:
    """A mention that is a name."""

    start: int
    end: int
    label: str
    text: Text
    form: int = 0
    """The number of its form."""


def find(text: str, mentions: Sequence[Mention], aliases: Aliases) -> list[Found | None]:
    """Return what of the mentions is a name, the halves of one in the table put together."""
    found: list[Found | None] = []
    last: Found | None = None
    for start, end, label in mentions:
        if (
            last is not None
            and start - last.end <= _LONGEST_HALVING
            and text[last.end : start] in _HALVES
        ):
            whole = read_text(text[last.start : end])
            if whole.key in aliases:
                last.end, last.text = end, whole
                found.append(None)
                continue
        read = read_text(text[start:end])
        if not read.key or (label == "PERSON" and len(read.words) > MOST_WORDS_OF_PERSON):
            last = None
        else:
            last = Found(start, end, label, read)
        found.append(last)
    if common := common_abbreviations(text):
        return [
            None if each is None or is_one_of(common, text[each.start : each.end]) else each
            for each in found
        ]
    return found


def forms_of(text: str, found: Sequence[Found]) -> list[Form]:
    """Return the texts of an article, and tell each mention the number of its own."""
    forms: list[Form] = []
    numbers: dict[str, int] = {}
    said: list[str] = []
    unclear = False
    for each in found:
        read = each.text
        number = numbers.get(read.key)
        if number is None:
            number = numbers[read.key] = len(forms)
            forms.append(
                Form(read.key, each.label, read.words, read.is_abbreviation, each.start, read.shown)
            )
            said.append(read.said)
            unclear = unclear or read.key in LANGUAGES
        else:
            form = forms[number]
            form.mentions += 1
            if form.shown != read.shown:
                form.shown = better(form.shown, read.shown)
            unclear = unclear or form.label != each.label
        each.form = number
    if unclear:
        labels = _labels(text, found)
        for form in forms:
            form.label = labels[form.key]
    for form, label in zip(forms, said, strict=True):
        if label:
            form.label = settle(form.label, label)
    return forms


def _labels(text: str, found: Sequence[Found]) -> dict[str, str]:
    """Return the one label that most mentions of each key have."""
    labelled = [(each.text.key, each.label) for each in found]
    for each in found:
        key = each.text.key
        if key in LANGUAGES and each.label == "NORP" and is_language(text, each.start, each.end):
            labelled += [(key, "MISC")] * _LANGUAGE_COUNTS
    return one_label_each(labelled)
