"""Which of its texts names a thing best."""

from collections.abc import Sequence

from newstally_extractor.names.rules.forms import Form
from newstally_extractor.names.rules.people import without_offices, without_titles


def fullest(forms: Sequence[Form]) -> Form:
    """Return the form of a group that names it best.

    Of a person, the full name that is used most; of anything else, the one of most words that is no
    abbreviation. Of several such, the first in the text.
    """
    if len(forms) == 1:
        return forms[0]
    return min(forms, key=_of_person if forms[0].label == "PERSON" else _of_thing)


def _of_person(form: Form) -> tuple[bool, int, int, int]:
    lone = len(without_titles(form.words)) == 1
    ranked = len(without_offices(form.words)) if lone else 0
    return lone, -ranked, -form.mentions, form.first


def _of_thing(form: Form) -> tuple[bool, int, int, int]:
    return form.is_abbreviation, -len(form.words), -form.mentions, form.first
