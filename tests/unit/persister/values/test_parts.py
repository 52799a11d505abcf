"""A part's digest."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.values.parts import EntityRow, PublicationRow, days_digest, digest

TEXTS = st.text("a1 \n", max_size=3)
NUMBERS = st.integers(0, 12)
DAYS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=2).map(tuple)
PUBLICATIONS = st.lists(st.builds(PublicationRow, TEXTS, TEXTS, NUMBERS, NUMBERS, DAYS), max_size=2)
ENTITIES = st.lists(
    st.builds(EntityRow, TEXTS, TEXTS, TEXTS, NUMBERS, NUMBERS, st.none(), DAYS), max_size=2
)
CONTENTS = st.tuples(PUBLICATIONS, ENTITIES)
Content = tuple[list[PublicationRow], list[EntityRow]]


@given(CONTENTS, CONTENTS)
def test_different_contents_have_different_digests(one: Content, other: Content) -> None:
    """However texts and numbers are shifted between fields, the digests tell."""
    assert (digest(*one) == digest(*other)) == (undated(one) == undated(other))
    if len(one[0]) == len(other[0]) and len(one[1]) == len(other[1]):
        assert (days_digest(*one) == days_digest(*other)) == (days(one) == days(other))


def undated(content: Content) -> Content:
    """Return what a release without days sees."""
    return [p._replace(days=()) for p in content[0]], [e._replace(days=()) for e in content[1]]


def days(content: Content) -> list[object]:
    """Return what only a release with days sees."""
    return [row.days for rows in content for row in rows]


def test_the_encoding_is_fixed() -> None:
    """Journals of older releases stay valid: these digests must never change."""
    publication = PublicationRow("post", "Post", 3, 2, ((-1, 1, 1), (20_000, 2, 1)))
    rows = [publication], [EntityRow("post", "ä", "P", 3, 2)]
    found = digest(*rows)
    assert found == "2edec6fcfb813cceaf74d6a4fedfe291db66bc3414471f7b80502fbfc61e40a4"
    assert days_digest(*rows) == "e730dca35bd84d98dd8c311e23329c94f2e33c78393595267301af5cca221bdb"
    assert not days_digest([], rows[1])
