"""Which spellings are one publication."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.values.keys import (
    older_publication_key,
    publication_key,
    publication_name,
)


@pytest.mark.parametrize(
    "spelling",
    ["The Times", "  the times", "THE\tTIMES\n", "The \u00a0 Times", "the\u2003times"],
)
def test_case_and_white_space_do_not_matter(spelling: str) -> None:
    """Spellings that differ only in case or white space have one key."""
    assert publication_key(spelling) == "the times"


def test_case_folding_knows_more_than_lower_case() -> None:
    """Folding is Unicode's: ß and SS, and both small sigmas, are one."""
    assert publication_key("Straße") == publication_key("STRASSE")
    assert publication_key("ΣΑΣ") == publication_key("σας")


def test_an_older_release_knew_less() -> None:
    """What 0.2.0 made of a spelling is kept to find what it stored."""
    assert older_publication_key(" Cafe\u0301\u200b  Bar") == "cafe\u0301\u200b bar"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_key_is_its_own_key(spelling: str) -> None:
    """What is shown under a key finds that key again, and so does the key."""
    key = publication_key(spelling)
    assert key
    assert publication_key(key) == key
    assert publication_key(publication_name(spelling)) == key
