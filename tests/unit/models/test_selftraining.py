"""Where names are, as a teacher sees it: what it is sure of, and what it corrects."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import spacy
from invented import invented
from prepare import INCORRECT_SPANS, Labelled
from selftraining import articles, correct, corrected, label, labelled_articles, lessons
from spacy.tokens import Doc, Span
from tags import TAGS, Floats, allowed, best_path, spans
from texts import said_of
from windows import windows

WORDS = ["Ada", "Quill", "left", "Brelgia", "."]


def a_doc(*entities: tuple[int, int, str], missing: Iterable[int] = ()) -> Doc:
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    doc.set_ents(
        [Span(doc, *entity) for entity in entities],
        missing=[doc[i : i + 1] for i in missing],
        default="outside",
    )
    return doc


def scores(*tags: str, sure: float | dict[int, float] = 0.99) -> Floats:
    """Return log-probabilities in which each token has its tag, as sure as said."""
    rows = []
    for i, tag in enumerate(tags):
        chosen = sure.get(i, 0.99) if isinstance(sure, dict) else sure
        row = np.full(len(TAGS), (1 - chosen) / (len(TAGS) - 1), dtype=np.float32)
        row[TAGS.index(tag)] = chosen
        rows.append(np.log(row))
    return np.array(rows)


def entities(doc: Doc) -> list[tuple[int, int, str]]:
    return [(entity.start, entity.end, entity.label_) for entity in doc.ents]


class OneMind:
    """Says the same of every document."""

    def __init__(self, said: Floats) -> None:
        self._said = said

    def probabilities(self, docs: Iterable[Doc]) -> Iterator[Floats]:
        return (self._said[: len(doc)] for doc in docs)


ALL_SEEN = scores("B-PERSON", "I-PERSON", "O", "B-GPE", "O")


def test_tags_and_entities_are_two_ways_to_say_the_same() -> None:
    """The only path that an annotation allows gives its entities back."""
    doc = a_doc((0, 2, "PERSON"), (3, 4, "GPE"))
    flags = allowed(doc)
    assert flags.sum(axis=1).tolist() == [1] * len(doc)
    assert list(spans(flags.argmax(axis=1))) == entities(doc)


def test_a_missing_token_may_have_every_tag_but_those_known_to_be_wrong() -> None:
    """Where a corpus does not annotate products, an unlabelled name is one or none; no place."""
    doc = a_doc(missing=[3])
    doc.spans[INCORRECT_SPANS] = [Span(doc, 3, 4, label="GPE")]
    refused = {tag for tag, may in zip(TAGS, allowed(doc)[3], strict=True) if not may}
    assert refused == {"B-GPE", "I-GPE"}


def test_no_path_goes_on_with_what_has_not_begun() -> None:
    """An I- that is likelier than its B- loses to a path that makes sense."""
    path = best_path(scores("I-GPE", "I-PERSON", "O", "O", "O", sure=0.6))
    tags = [TAGS[tag] for tag in path]
    for before, after in zip(["O", *tags], tags, strict=False):
        assert not after.startswith("I-") or before[1:] == after[1:]


def test_windows_cover_a_document_and_end_with_sentences() -> None:
    """Every token is in one window; a window ends at a full stop if its second half has one."""
    doc = Doc(spacy.blank("en").vocab, words=[*"abcdefg", ".", *"hijklmnopqr"])
    cut = list(windows(doc, 10))
    assert cut[0] == (0, 8)
    assert [i for start, end in cut for i in range(start, end)] == list(range(len(doc)))


def test_of_an_unlabelled_text_the_teachers_sure_labels_count() -> None:
    """A name that it is not sure of is none."""
    said = scores("B-PERSON", "I-PERSON", "O", "B-GPE", "O", sure={3: 0.5})
    labelled = label(a_doc(), said)
    assert entities(labelled) == [(0, 2, "PERSON")]


@pytest.mark.parametrize(("sure", "expected"), [(0.95, [(3, 4, "GPE")]), (0.8, [])])
def test_a_silver_label_yields_to_a_teacher_that_is_sure(
    sure: float, expected: list[tuple[int, int, str]]
) -> None:
    """If it is of another opinion but not sure, there is no name."""
    silver = a_doc((3, 4, "ORG"))
    result = correct(silver, scores("O", "O", "O", "B-GPE", "O", sure={3: sure}))
    assert entities(result) == expected


def test_where_nothing_was_annotated_a_teacher_need_not_be_as_sure() -> None:
    """It contradicts nobody there."""
    silver = a_doc(missing=[3])
    result = correct(silver, scores("O", "O", "O", "B-GPE", "O", sure={3: 0.8}))
    assert entities(result) == [(3, 4, "GPE")]


def test_what_both_say_stays_however_unsure_the_teacher_is() -> None:
    """Two that agree need not be sure."""
    result = correct(a_doc((3, 4, "GPE")), scores("O", "O", "O", "B-GPE", "O", sure={3: 0.4}))
    assert entities(result) == [(3, 4, "GPE")]


@pytest.mark.parametrize(
    ("known", "expected"),
    [(0.0, {"B-GPE": 0.9}), (0.5, {"B-GPE": 0.45, "B-ORG": 0.5}), (1.0, {"B-ORG": 1.0})],
)
def test_labels_count_as_much_as_they_are_known(known: float, expected: dict[str, float]) -> None:
    """Of what people annotated all, of machines' labels a part; the teacher says the rest."""
    teacher = OneMind(scores("O", "O", "O", "B-GPE", "O", sure={3: 0.9}))
    ((_, found),) = said_of([Labelled("gmb_clean", a_doc((3, 4, "ORG")))], teacher, known)
    assert found.sum(axis=1) == pytest.approx(1, abs=2e-3)
    for tag, probable in expected.items():
        assert found[3, TAGS.index(tag)] == pytest.approx(probable, abs=5e-3)


def test_what_is_not_annotated_the_teacher_says_however_much_is_known() -> None:
    teacher = OneMind(scores("O", "O", "O", "B-GPE", "O", sure={3: 0.9}))
    for known in (0.5, 1.0):
        ((_, found),) = said_of([Labelled("gum", a_doc(missing=[3]))], teacher, known)
        assert found[3, TAGS.index("B-GPE")] == pytest.approx(0.9, abs=2e-2)


def test_only_silver_documents_are_corrected() -> None:
    """What people annotated stays as it is."""
    train = [Labelled("gmb_clean", a_doc()), Labelled("docred", a_doc())]
    result = list(corrected(train, OneMind(ALL_SEEN)))
    assert [len(labelled.doc.ents) for labelled in result] == [2, 0]
    assert result[1].doc is train[1].doc


def test_the_teacher_learns_from_all_that_people_annotated_and_some_silver() -> None:
    """Machines' labels do not outnumber people's."""
    train = [Labelled("gmb_clean", a_doc())] * 100 + [Labelled("gum", a_doc())] * 3
    assert 3 < len(lessons(train)) < 50


def test_articles_that_are_measured_on_are_left_out(tmp_path: Path) -> None:
    """Nor are more taken of one publication than asked for."""
    held_out = "one two three four five six seven eight nine ten"
    (tmp_path / "mapping.py").write_text("def to_common(doc): return doc\n", encoding="utf-8")
    (tmp_path / "gum").mkdir()
    with gzip.open(tmp_path / "gum" / "dev.jsonl.gz", "wt", encoding="utf-8") as lines:
        print(
            json.dumps({"source": "gum", "doc_id": "1", "text": held_out, "ents": []}), file=lines
        )
    path = tmp_path / "articles.jsonl.gz"
    contents = [f"So {held_out}", *(f"Ada Quill number {n} left" for n in range(5))]
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for n, content in enumerate(contents):
            row = {"id": str(n), "publication": "The Brelgian", "content": content}
            print(json.dumps(row), file=lines)
    chosen = articles(path, tmp_path, 3)
    assert len(chosen) == 3
    assert not any(held_out in text for text in chosen)
    (first, *_) = labelled_articles(["Ada Quill left Brelgia."], OneMind(ALL_SEEN))
    assert first.source == "articles"
    assert entities(first.doc) == [(0, 2, "PERSON"), (3, 4, "GPE")]


def test_names_that_the_corpora_lack_stand_in_the_places_of_others() -> None:
    """In what people annotated once however often it is there, and in some of the rest."""
    train = [Labelled("docred", a_doc((3, 4, "ORG")))] * 2
    train += [Labelled("gmb_clean", a_doc((3, 4, "ORG")))] * 20
    texts = list(invented(train, ["lidl"]))
    assert 1 < len(texts) <= 21
    for text in texts:
        assert text.doc[3].text in {"Lidl", "LIDL"}
        assert text.doc[:3].text == "Ada Quill left"
