"""Normalising: which spellings are the same entity."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from newstally_extractor.counting.normalising import MAX_KEY_BYTES, normalise

TABLE = [
    # As found, and the key.
    ("Angela Merkel", "angela merkel"),
    ("  Angela\n\t Merkel ", "angela merkel"),
    ("ANGELA MERKEL", "angela merkel"),
    ("Angela\u00a0Merkel", "angela merkel"),
    # Quotation marks and punctuation around it.
    ("“Reuters”", "reuters"),
    ("«Le Monde»", "le monde"),
    ('"Reuters",', "reuters"),
    ("''Reuters''", "reuters"),
    ("— Berlin —", "berlin"),
    ("Berlin.", "berlin"),
    ("U.S.", "u.s"),
    ("(AP)", "ap"),
    ("AP)", "ap"),
    ("Washington (AP)", "washington (ap)"),
    ("¿Madrid?", "madrid"),
    ("Lego®", "lego"),
    # Signs that belong to names.
    ("C#", "c#"),
    ("C++", "c++"),
    ("@nasa", "@nasa"),
    ("AT&T", "at&t"),
    ("Jean-Luc O'Neill", "jean-luc o'neill"),
    # Possessives.
    ("Obama's", "obama"),
    ("Obama\u2019s", "obama"),
    ("the Beatles'", "beatles"),
    ("“Obama”'s", "obama"),
    ("'s", ""),
    # A leading article.
    ("the White House", "white house"),
    ("The White House", "white house"),
    ("The The", "the"),
    ("the", "the"),
    ("Theresa May", "theresa may"),
    ('the "New York Times"', "new york times"),
    # Unicode.
    ("Zu\u0308rich", "z\u00fcrich"),
    ("GROẞE STRAẞE", "grosse strasse"),
    ("Ελλάς", "ελλάσ"),
    ("北京", "北京"),
    ("New\u200b York\ufeff", "new york"),
    ("co\u00adoperation", "cooperation"),
    ("bell\x07 tower\x00", "bell tower"),
    # No entity.
    ("", ""),
    (" \n ", ""),
    ("--", ""),
    ("x" * MAX_KEY_BYTES, "x" * MAX_KEY_BYTES),
    ("x" * (MAX_KEY_BYTES + 1), ""),
    ("ü" * MAX_KEY_BYTES, ""),
]

TEXTS = st.text() | st.text(
    alphabet=list("aS sthe'\u2019\"“”.,()[]#- \u200b\u0301\u0345\u03b9ßİŉΐ\u1e9e\x00\n`\ud800")
)


@pytest.mark.parametrize(("found", "key"), TABLE)
def test_table(found: str, key: str) -> None:
    """Each spelling of the table has the key that the table says."""
    assert normalise(found) == key


@given(TEXTS)
@example("the the the")
@example("\u1fb3\u0301")
@example("“the “the x”\u2019s”\u2019s")
def test_idempotent(text: str) -> None:
    """A key is its own key: what is shown can be looked up."""
    key = normalise(text)
    assert normalise(key) == key


@given(TEXTS)
def test_keys_can_be_shown_and_stored(text: str) -> None:
    """A key has no control character, no white space but single inner spaces, and a bound."""
    key = normalise(text)
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in key)
    assert key == " ".join(key.split())
    assert unicodedata.is_normalized("NFC", key)
    assert len(key.encode()) <= MAX_KEY_BYTES


@given(st.text(alphabet=st.characters(categories=["L", "N"])))
def test_case_and_composition_do_not_matter(text: str) -> None:
    """Spellings that differ only in case or in composition have one key."""
    assert normalise(unicodedata.normalize("NFD", text)) == normalise(text)
    assert normalise(text.casefold()) == normalise(text)


def test_every_character_settles() -> None:
    """Folding and composing agree for every character that either changes, alone and accented."""
    for char in map(chr, range(0x110000)):
        if char != char.casefold() or char != unicodedata.normalize("NFD", char):
            for text in (char, f"a{char}\u0345\u0301", f"\u03b1\u0301{char}"):
                key = normalise(text)
                assert normalise(key) == key
