"""What swapping names promises: other names, the same annotation."""

from __future__ import annotations

import random

import pytest
import spacy
from prepare import INCORRECT_SPANS
from spacy.tokens import Doc, Span
from swap import Names

VOCAB = spacy.blank("en").vocab


@pytest.fixture(autouse=True)
def seed() -> None:
    random.seed(1)


def met(text: str, *entities: tuple[int, int, str]) -> Doc:
    doc = Doc(VOCAB, words=text.split())
    doc.set_ents([Span(doc, *entity) for entity in entities], default="outside")
    return doc


@pytest.fixture
def names() -> Names:
    names = Names()
    names.swapped(met("Ada Mabel Quill left", (0, 3, "PERSON")), 0)
    return names


def test_a_name_becomes_another_of_its_label_wherever_it_stands(names: Names) -> None:
    """Longer or shorter, with the same labels, every mention alike; other labels' names stay."""
    doc = met("Bo met Orla ; Bo left Brelgia", (0, 1, "PERSON"), (4, 5, "PERSON"), (6, 7, "GPE"))
    swapped = names.swapped(doc, 1)
    assert swapped.text == "Ada Mabel Quill met Orla ; Ada Mabel Quill left Brelgia "
    assert [(entity.text, entity.label_) for entity in swapped.ents] == [
        ("Ada Mabel Quill", "PERSON"),
        ("Ada Mabel Quill", "PERSON"),
        ("Brelgia", "GPE"),
    ]


def test_what_is_missing_stays_missing_and_what_is_known_wrong_stays_known(names: Names) -> None:
    """They move along with their words."""
    doc = Doc(VOCAB, words=["Bo", "won", "the", "Zorbian", "Prize"])
    doc.set_ents([Span(doc, 0, 1, "PERSON")], missing=[doc[3:5]], default="outside")
    doc.spans[INCORRECT_SPANS] = [Span(doc, 3, 5, label="ORG")]
    swapped = names.swapped(doc, 1)
    assert [token.text for token in swapped if not token.ent_iob_] == ["Zorbian", "Prize"]
    (wrong,) = swapped.spans[INCORRECT_SPANS]
    assert (wrong.text, wrong.label_) == ("Zorbian Prize", "ORG")


def test_a_document_without_a_name_to_swap_is_itself(names: Names) -> None:
    """Nothing is copied for nothing."""
    doc = met("Nobody left")
    assert names.swapped(doc, 1) is doc
