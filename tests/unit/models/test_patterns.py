"""The sentences made by filling in names: rightly annotated, and none that is measured on."""

from __future__ import annotations

import re

import pytest
import spacy
from hard import read_hard
from patterns import COPIES, PATTERNS, filled
from prepare import Labelled
from spacy.tokens import Doc, Span

NAMES = ["lidl", "uber", "kestrel"]


def lines() -> list[str]:
    text = PATTERNS.read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def sentences() -> list[Labelled]:
    words = ["Ada", "Quill", "left", "Brelgia", "."]
    doc = Doc(spacy.blank("en").vocab, words=words)
    doc.set_ents([Span(doc, 0, 2, "PERSON"), Span(doc, 3, 4, "GPE")], default="outside")
    return list(filled([Labelled("docred", doc)] * 3, NAMES))


def test_nearly_every_pattern_is_filled_as_often_as_promised(sentences: list[Labelled]) -> None:
    """Only those are left out whose names' ends are no ends of tokens: they would teach nothing."""
    assert 0.9 * COPIES * len(lines()) < len(sentences) <= COPIES * len(lines())


def test_every_name_is_annotated_and_nothing_else(sentences: list[Labelled]) -> None:
    """In capitals as well; the names are those given, those of the corpora, and made of both."""
    known = {*NAMES, "ada", "brelgia"}
    for one in sentences:
        named = {token.i for entity in one.doc.ents for token in entity}
        for token in one.doc:
            assert token.lower_ not in known or token.i in named, one.doc.text
    labels = {entity.label_ for one in sentences for entity in one.doc.ents}
    assert labels == {"ORG", "PERSON", "GPE"}


def test_they_are_the_same_in_every_run(sentences: list[Labelled]) -> None:
    train = [sentences[0]]
    first, again = ([one.doc.text for one in filled(train, NAMES)] for _ in range(2))
    assert first == again


def test_no_pattern_is_a_sentence_that_is_measured_on() -> None:
    """With other names neither: what is left of both without names differs."""
    slot = re.compile(r"\{[a-z]+\}|\d+")

    def bare(parts: str) -> str:
        return " ".join(re.findall(r"\w+", parts.lower()))

    own = {bare(slot.sub(" ", line)) for line in lines()}
    for kind in read_hard().values():
        for sentence in kind:
            rest, end = "", 0
            for start, stop, _ in sentence.entities:
                rest += sentence.text[end:start] + " "
                end = stop
            rest = bare(re.sub(r"\d+", " ", rest + sentence.text[end:]))
            assert len(rest.split()) < 2 or rest not in own, sentence.text
