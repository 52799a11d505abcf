"""Spellings of publications: which are the same, and which do harm."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.limits import PUBLICATION_LIMIT_BYTES
from newstally_protos.names import (
    bounded,
    cleaned,
    find_harmful,
    publication_key,
    shown,
)

MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    "spelling",
    [
        "Café  Zeitung",
        unicodedata.normalize("NFD", "CAFÉ Zeitung"),
        "\u200bCafé\u00a0Zeitung\ufeff",
        "".join(chr(ord(c) + 0xFEE0) if "A" <= c <= "z" else c for c in "Café Zeitung"),
        "Caf\u00e9\tZei\u00adtung\n",
        "\u202eCafé\u2066 Zeitung\x1b",
    ],
)
def test_what_looks_the_same_is_the_same(spelling: str) -> None:
    """Composed or not, wide or not, with what cannot be seen or without, in any case."""
    assert publication_key(spelling) == "café zeitung"


@pytest.mark.parametrize(
    ("one", "other"), [("The Sun", "Sun"), ("Le Monde", "Le Monde!"), ("Öst", "Ost"), ("a b", "ab")]
)
def test_nothing_else_is_taken_away(one: str, other: str) -> None:
    """An article, a mark or a diacritic tells publications apart."""
    assert publication_key(one) != publication_key(other)


@pytest.mark.parametrize(
    "name", ["", " \t\n", "\u200b", "\ufeff\u2060 \u3164", "\x00\x1b", "\u2800"]
)
def test_what_cannot_be_seen_is_no_publication(name: str) -> None:
    """Blank is blank, however it is written."""
    assert publication_key(name) == ""


@given(NAMES)
def test_a_key_is_its_own_key(name: str) -> None:
    """Whatever is stored as a key can be looked up by it."""
    key = publication_key(name)
    assert publication_key(key) == key
    assert len(key.encode()) <= PUBLICATION_LIMIT_BYTES


@given(NAMES)
def test_ways_of_writing_do_not_count(name: str) -> None:
    """Every normal form, padding and an unseen mark anywhere give the same key."""
    key = publication_key(name)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert publication_key(unicodedata.normalize(form, name)) == key
    assert publication_key(f"  {name}\u200b\t") == key


@given(st.text("ab \u0301é", min_size=600, max_size=800), st.text("ab", min_size=1, max_size=5))
def test_long_names_stay_apart(name: str, more: str) -> None:
    """What is over the bound keeps its beginning and a hash of all of it."""
    assert publication_key(name + more) != publication_key(name) or more.strip() == ""
    assert len(publication_key(name).encode()) <= PUBLICATION_LIMIT_BYTES


def test_expansion_is_bounded() -> None:
    """One character of three bytes stands for eighteen letters: the key is bounded, too."""
    assert len(publication_key("\ufdfa" * 170).encode()) <= PUBLICATION_LIMIT_BYTES
    assert bounded("é" * 5, 10) == "é" * 5
    assert len(bounded("é" * 300, 64).encode()) <= 64


@pytest.mark.parametrize("unseen", ["", "\u200b", " \n", "\u0315 \ufeff"])
def test_what_no_publication_is_as_long_as_is_not_folded(unseen: str) -> None:
    """To put 64,000 marks in order would take minutes: a key is there at once, and its own key."""
    marks = "a" + "\u0315" * 2_000_000 + "\u0300" * 2_000_000
    key = publication_key(unseen + marks)
    assert publication_key(key) == key
    assert publication_key(marks + "b") != key
    assert len(key) <= PUBLICATION_LIMIT_BYTES


def test_what_cannot_be_seen_makes_no_name_long() -> None:
    """However much of it there is."""
    assert publication_key("\u200b" * 1_000_000) == ""
    assert publication_key("\u200b" * 5_000 + "The \u3000" + " " * 5_000 + "POST") == "the post"


@given(NAMES)
def test_what_is_shown_does_no_harm(name: str) -> None:
    """Neither a cleaned name nor a shown one has a control, a line end or a mark of direction."""
    for text in (cleaned(name), shown(name)):
        assert find_harmful(text) is None
        assert all(unicodedata.category(each) not in {"Cc", "Zl", "Zp"} for each in text)
        assert all(unicodedata.bidirectional(each) not in MARKS for each in text)
    if find_harmful(name) is None:
        assert shown(name) == name


def test_nothing_harmful_is_printable() -> None:
    """So a name that Python calls printable needs no second look."""
    harmful = [each for each in map(chr, range(0x110000)) if find_harmful(each) is not None]
    assert harmful
    assert not any(each.isprintable() for each in harmful)


def test_an_escape_is_written_out() -> None:
    """A person sees what is there."""
    assert shown("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
    assert cleaned(" a\x1b[31m\u202eb\nc\n") == "a[31mb c"
