"""What varying a text that a teacher labelled promises: other words, the same labels."""

from __future__ import annotations

import numpy as np
import spacy
from forms import Forms
from spacy.tokens import Doc
from tags import TAGS, Probabilities, spans
from variations import Lesson, Variations, Varying, lessons_of

WORDS = ["Ada", "Quill", "left", "Brelgia", "'s", "shore", ".", "Then", "Bo", "left", "."]
TAGGED = ["B-PERSON", "I-PERSON", "O", "B-GPE", "O", "O", "O", "O", "B-PERSON", "O", "O"]
NEVER = Varying(lower=0, headline=0, curly=0, swap=0)
FORMS = Forms(WORDS)


def said(sure: float = 1.0) -> Probabilities:
    rows = np.full((len(TAGGED), len(TAGS)), (1 - sure) / (len(TAGS) - 1), np.float16)
    rows[np.arange(len(TAGGED)), [TAGS.index(tag) for tag in TAGGED]] = sure
    return rows


def lesson(sure: float = 1.0) -> Lesson:
    (only,) = lessons_of(Doc(spacy.blank("en").vocab, words=WORDS), said(sure), FORMS)
    return only


def varied(varying: Varying, seed: int = 1, sure: float = 1.0) -> tuple[list[str], list[str]]:
    one = lesson(sure)
    words, tags = Variations([one], FORMS, varying, seed).varied(one)
    assert len(words) == len(tags)
    return [FORMS.texts[word] for word in words], [TAGS[tag] for tag in tags.argmax(axis=1)]


def test_a_lesson_knows_its_names() -> None:
    assert lesson().names == [(0, 2, "PERSON"), (3, 4, "GPE"), (8, 9, "PERSON")]


def test_without_any_change_a_lesson_is_itself() -> None:
    assert varied(NEVER) == (WORDS, TAGGED)


def test_all_of_it_can_be_in_lower_case() -> None:
    assert varied(Varying(lower=1, swap=0)) == ([word.lower() for word in WORDS], TAGGED)


def test_a_headline_is_the_first_sentence_only() -> None:
    """In capitals or with a capital for each long word; the labels stay."""
    seen = set()
    for seed in range(20):
        words, tags = varied(Varying(lower=0, headline=1, curly=0, swap=0), seed)
        assert (words[6:], tags) == (WORDS[6:], TAGGED)
        seen.add(" ".join(words[:6]))
    assert seen == {"ADA QUILL LEFT BRELGIA 'S SHORE", "Ada Quill Left Brelgia 's Shore"}


def test_curly_quotes() -> None:
    assert varied(Varying(lower=0, headline=0, curly=1, swap=0))[0][4] == "\u2019s"


def test_names_become_others_of_their_label_with_what_was_said_of_those() -> None:
    """A name of two words for one of one, say."""
    drawn = [varied(Varying(lower=0, headline=0, curly=0, swap=1), seed) for seed in range(30)]
    assert any(words[:2] == ["Bo", "left"] for words, _ in drawn)
    assert any(words[8:10] == ["Ada", "Quill"] for words, _ in drawn)
    for words, tags in drawn:
        names = list(spans([TAGS.index(tag) for tag in tags]))
        people = [words[start:end] for start, end, label in names if label == "PERSON"]
        assert all(name in (["Ada", "Quill"], ["Bo"]) for name in people)
        assert [words[start:end] for start, end, label in names if label == "GPE"] == [["Brelgia"]]


def test_names_that_the_teacher_is_not_sure_of_are_not_put_elsewhere() -> None:
    assert varied(Varying(lower=0, headline=0, curly=0, swap=1), sure=0.6) == (WORDS, TAGGED)
