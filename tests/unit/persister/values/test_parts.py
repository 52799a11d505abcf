"""A part's digest."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.values.parts import EntityRow, PublicationRow, digest

TEXTS = st.text("a1 \n", max_size=3)
NUMBERS = st.integers(0, 12)
PUBLICATIONS = st.lists(st.builds(PublicationRow, TEXTS, TEXTS, NUMBERS, NUMBERS), max_size=2)
ENTITIES = st.lists(
    st.builds(EntityRow, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, st.none()), max_size=2
)
CONTENTS = st.tuples(PUBLICATIONS, ENTITIES)


@given(CONTENTS, CONTENTS)
def test_different_contents_have_different_digests(
    one: tuple[list[PublicationRow], list[EntityRow]],
    other: tuple[list[PublicationRow], list[EntityRow]],
) -> None:
    """However texts and numbers are shifted between fields, the digest tells."""
    assert (digest(*one) == digest(*other)) == (one == other)


def test_the_encoding_is_fixed() -> None:
    """Journals of older releases stay valid: this digest must never change."""
    found = digest([PublicationRow("post", "Post", 3, 2)], [EntityRow("post", "ä", "P", 3, 2)])
    assert found == "2edec6fcfb813cceaf74d6a4fedfe291db66bc3414471f7b80502fbfc61e40a4"
