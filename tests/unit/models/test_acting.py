"""What counts as a place that acts, and what stays an organisation."""

from __future__ import annotations

from acting import SEEN, as_places, places_of
from corpora import Document


def document(text: str, *entities: tuple[str, str]) -> Document:
    """Return one in which each name is annotated where it stands first."""
    found = [(text.index(name), text.index(name) + len(name), label) for name, label in entities]
    return Document("x", "1", text, tuple(sorted(found)))


def test_a_name_that_is_nearly_always_a_place_is_known_as_one() -> None:
    """Not one that is seldom seen, nor one that is as often a team."""
    docs = [document("Norland", ("Norland", "GPE"))] * (9 * SEEN)
    docs += [document("Norland", ("Norland", "ORG"))] * SEEN
    docs += [document("Elmsport", ("Elmsport", "GPE"))] * (SEEN - 1)
    docs += [document("Westvale", ("Westvale", label)) for label in ("GPE", "ORG")] * SEEN
    docs += [document("the North", ("the North", "LOC"))] * SEEN
    assert places_of(docs) == {"Norland"}


def test_such_a_name_is_a_place_whatever_it_does() -> None:
    """A longer name that begins with it stays what it is, and so does a person."""
    text = "Norland met the Norland Bank, Elmsport and Ms Norland in Norland."
    before = Document(
        "x",
        "1",
        text,
        ((0, 7, "ORG"), (16, 28, "ORG"), (30, 38, "ORG"), (46, 53, "PERSON"), (57, 64, "GPE")),
    )
    after = as_places(before, frozenset({"Norland"}))
    assert [label for *_, label in after.entities] == ["GPE", "ORG", "ORG", "PERSON", "GPE"]
    assert (after.text, after.doc_id) == (before.text, before.doc_id)
