"""Abbreviations of common words."""

import pytest

from .marked import keys


@pytest.mark.parametrize(
    "marked",
    [
        "a content management system ([CMS|ORG])",
        "a product owner (PO) and other [PO|ORG]",
        "authority to operate ([ATO|ORG])",
        "a state-of-the-art report (SOTAR), [SOTAR|MISC]",
        "application programming interfaces (APIs) and one [API|ORG]",
        "one learning management system (LMS) of many [LMSs|ORG]",
    ],
)
def test_words_in_small_letters_name_nothing(marked: str) -> None:
    """Their abbreviation is counted nowhere in the article that explains it."""
    assert keys(marked) == [None]


@pytest.mark.parametrize(
    "marked",
    [
        "[CMS|ORG]",
        "the Content Management System ([CMS|ORG])",
        "the content owners (CMS) and [CMS|ORG]",
        "the federal Environmental Protection Agency ([EPA|ORG])",
        "said (Oslo) and [Oslo|GPE]",
        "more in (a) and [A|ORG]",
        "([PO|ORG])",
    ],
)
def test_what_may_be_a_name(marked: str) -> None:
    """Capitals in the words, other letters, no words at all."""
    assert None not in keys(marked)
