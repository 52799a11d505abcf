"""What a training that is started again takes up, and what it makes anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import spacy
from kept import Remembering, Stages, digest_of, digest_of_words
from spacy.tokens import Doc, Span
from tags import TAGS, Floats

VOCAB = spacy.blank("en").vocab


def a_doc(*words: str) -> Doc:
    return Doc(VOCAB, words=list(words))


class Counting:
    """A labeller that says something else each time it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def probabilities(self, docs: Iterable[Doc]) -> Iterator[Floats]:
        for doc in docs:
            self.asked += 1
            yield np.full((len(doc), len(TAGS)), -self.asked, np.float32)


def test_what_was_made_of_the_same_inputs_is_taken_up(tmp_path: Path) -> None:
    """In another run, too; of other inputs it is made anew, beside the first."""
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text(f"{len(made)}")

    first = Stages(tmp_path).kept("vectors", "a" * 64, make)
    again = Stages(tmp_path).kept("vectors", "a" * 64, make)
    other = Stages(tmp_path).kept("vectors", "b" * 64, make)
    assert (first.read_text(), again.read_text(), other.read_text()) == ("1", "1", "2")
    assert len(made) == 2
    times = [json.loads(line) for line in (tmp_path / "times.jsonl").read_text().splitlines()]
    assert [time["stage"] for time in times] == [first.name, other.name]


def test_a_stage_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    """Half a file is never taken for a whole one."""

    def breaks(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    def make(path: Path) -> None:
        path.write_text("whole")

    with pytest.raises(KeyboardInterrupt):
        Stages(tmp_path).kept("teacher", "a" * 64, breaks)
    assert Stages(tmp_path).kept("teacher", "a" * 64, make).read_text() == "whole"


def test_a_labeller_is_asked_once_about_the_same_words(tmp_path: Path) -> None:
    """Whatever is known of them; another labeller, or other words, are another matter."""
    labeller = Counting()
    docs = [a_doc("Ada", "left"), a_doc(), a_doc("Bo", "stayed", ".")]
    first = list(Remembering(labeller, Stages(tmp_path), "a").probabilities(docs))
    assert [len(scores) for scores in first] == [2, 0, 3]
    assert [scores[:1, 0].tolist() for scores in first] == [[-1], [], [-3]]
    docs[0].set_ents([Span(docs[0], 0, 1, "PERSON")])
    again = list(Remembering(labeller, Stages(tmp_path), "a").probabilities(docs))
    assert labeller.asked == 3
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one, other)
    list(Remembering(labeller, Stages(tmp_path), "b").probabilities(docs))
    assert labeller.asked == 6


def test_digests_tell_words_and_what_is_known_of_them_apart() -> None:
    plain, named = a_doc("Ada", "left"), a_doc("Ada", "left")
    named.set_ents([Span(named, 0, 1, "PERSON")])
    assert digest_of([plain]) != digest_of([named])
    assert digest_of_words([plain]) == digest_of_words([named])
    assert digest_of_words([plain]) != digest_of_words([a_doc("Adaleft")])
