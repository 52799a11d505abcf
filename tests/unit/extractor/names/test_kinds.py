"""Labels that a name's words, its context and the table decide."""

import pytest
from newstally_extractor.names.languages import is_language

from .marked import names, read


@pytest.mark.parametrize(
    ("key", "found", "expected"),
    [
        ("national plan for school improvement", "ORG", "MISC"),
        ("disaster relief arrangements", "ORG", "MISC"),
        ("kenya data protection act", "GPE", "MISC"),
        ("committee on ethics", "GPE", "ORG"),
        ("mizan-tepi university", "PERSON", "ORG"),
        ("east asia summit", "LOC", "EVENT"),
        ("cyclone phailin", "PERSON", "EVENT"),
        ("dulles international airport", "ORG", "FAC"),
        ("river arrow", "GPE", "LOC"),
        ("kestrel point securities", "GPE", "ORG"),
        ("nps.gov", "GPE", "ORG"),
        ("amazon.com.au", "MISC", "ORG"),
    ],
)
def test_the_word_that_says_what_it_is(key: str, found: str, expected: str) -> None:
    """The last word, or the one before "of" and the like."""
    assert names(f"[{key}|{found}]") == [(key, expected, key)]


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("university", "GPE"),
        ("plan international", "ORG"),
        ("war and peace", "WORK_OF_ART"),
        ("cary grant", "PERSON"),
        ("wall street crash", "MISC"),
        ("six-day war", "MISC"),
        ("u.s", "GPE"),
        ("st. louis", "GPE"),
        ("node.js", "MISC"),
    ],
)
def test_words_that_say_nothing(key: str, label: str) -> None:
    """Lone words, words in other places, titles of works."""
    assert names(f"[{key}|{label}]") == [(key, label, key)]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("available in [English|NORP].", True),
        ("in English and [Spanish|NORP].", True),
        ("a [French|NORP]-speaking nation", True),
        ("[Spanish|NORP] lessons", True),
        ("for non-[English|NORP] websites", True),
        ("[Italian|NORP] languages", True),
        ("in [French|NORP] custody", False),
        ("to [Japanese|NORP] officials", False),
        ("the [Russian|NORP] leader.", False),
        ("[Polish|NORP] and Czech troops", False),
        ("in [Polish|NORP]-Czech talks", False),
    ],
)
def test_a_language(marked: str, expected: bool) -> None:
    """What stands around it says so."""
    text, ((start, end, _),) = read(marked)
    assert is_language(text, start, end) is expected


def test_languages_are_no_peoples() -> None:
    """The mentions that are evident decide for the others, unless they are few."""
    assert {name and name[1] for name in names("in [English|NORP]. [English|NORP] pages")} == {
        "MISC"
    }
    russian = "[Russian|NORP] troops; " * 3
    assert {name and name[1] for name in names(russian + "he said in [Russian|NORP].")} == {"NORP"}


@pytest.mark.parametrize("key", ["iphone 4", "iphone 14.2"])
def test_a_version_is_a_product(key: str) -> None:
    """If the table has it without the number as one."""
    rows = {("iphone", "PRODUCT"): "iPhone", ("g", "ORG"): "G"}
    assert names(f"[{key}|MISC], [G 20|MISC], [Ward 4|LOC]", rows) == [
        (key, "PRODUCT", key),
        ("g 20", "MISC", "G 20"),
        ("ward 4", "LOC", "Ward 4"),
    ]
