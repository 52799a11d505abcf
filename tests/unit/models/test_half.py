"""Parameters are kept as 16-bit floats, and nobody computes with them before they are widened."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import en_newstally
import numpy as np
import pytest
import spacy
from en_newstally import half
from spacy.language import Language
from spacy.vectors import Vectors
from thinc.model import Model


def parameters(nlp: Language) -> Iterator[Any]:
    assert isinstance(nlp.vocab.vectors, Vectors)
    yield nlp.vocab.vectors.data
    for _, component in nlp.components:
        model: Any = getattr(component, "model", None)
        for node in model.walk() if isinstance(model, Model) else ():
            yield from (node.get_param(name) for name in node.param_names if node.has_param(name))


def widths(nlp: Language) -> set[np.dtype[Any]]:
    return {values.dtype for values in parameters(nlp)}


@pytest.fixture(scope="module")
def folder() -> Path:
    return next(Path(en_newstally.__file__).parent.glob("en_newstally-*"))


def test_the_trained_files_hold_16_bit_floats(folder: Path) -> None:
    written = sum((folder / path).stat().st_size for path in ("tok2vec/model", "ner/model"))
    _, *values = parameters(spacy.load(folder))
    assert np.load(folder / "vocab" / "vectors").dtype == np.float16
    assert written < 2.1 * sum(each.size for each in values)


@pytest.mark.parametrize("disabled", [[], ["ner"]])
def test_however_they_are_read_they_are_widened(folder: Path, disabled: list[str]) -> None:
    """spaCy's NER takes its weights for 32-bit floats, whatever they are."""
    nlp = en_newstally.load(disable=disabled)
    read = [
        nlp,
        spacy.load("en_newstally", disable=disabled),
        spacy.load(folder, disable=disabled),
        nlp.from_disk(folder),
        pickle.loads(pickle.dumps(nlp)),
    ]
    for each in read:
        assert widths(each) == {np.dtype(np.float32)}


def test_what_others_take_from_it_is_wide() -> None:
    """A component of it in a pipeline of one's own, with its vectors."""
    source = en_newstally.load()
    own = spacy.blank("en", vocab=source.vocab)
    own.add_pipe("tok2vec", source=source)
    own.add_pipe("ner", source=source)
    assert widths(own) == {np.dtype(np.float32)}
    text = "Angela Merkel met the United Nations' envoy in Geneva."
    assert [str(name) for name in own(text).ents] == [str(name) for name in source(text).ents]


def test_what_is_written_narrow_is_read_rounded_and_no_more(tmp_path: Path) -> None:
    nlp = en_newstally.load()
    draw = np.random.default_rng(1)
    for values in parameters(nlp):
        values *= 1 + 0.01 * draw.random(values.shape, np.float32)
    exact = [values.copy() for values in parameters(nlp)]
    half.narrow(nlp)
    nlp.to_disk(tmp_path)
    for read in (spacy.load(tmp_path), en_newstally.load().from_bytes(nlp.to_bytes())):
        assert widths(read) == {np.dtype(np.float32)}
        for before, after in zip(exact, parameters(read), strict=True):
            assert (after == before.astype(np.float16)).all()


def test_what_is_too_large_is_not_written_as_infinite() -> None:
    nlp = en_newstally.load()
    next(parameters(nlp))[0, 0] = 1e5
    with pytest.raises(ValueError, match="too large"):
        half.narrow(nlp)


def test_what_is_written_wide_stays_wide(tmp_path: Path) -> None:
    """So that who trains it further loses nothing."""
    nlp = en_newstally.load()
    for values in parameters(nlp):
        values += np.float32(1e-6)
    nlp.to_disk(tmp_path)
    for before, after in zip(parameters(nlp), parameters(spacy.load(tmp_path)), strict=True):
        assert (before == after).all()


def test_what_is_to_be_left_out_is_left_out(folder: Path) -> None:
    """As spaCy understands it: one name, or several."""
    assert spacy.load(folder, exclude="ner").pipe_names == ["tok2vec"]
    assert spacy.load(folder, exclude="vocab").vocab.vectors.shape == (0, 0)


def test_components_of_others_are_let_be(tmp_path: Path) -> None:
    """Those without a model, or with one that is none of thinc's."""

    class Other:
        model = "a file"

        def __call__(self, doc: Any) -> Any:
            return doc

    nlp = en_newstally.load()
    nlp.add_pipe("sentencizer")
    nlp._components.append(("other", Other()))
    half.narrow(nlp)
    assert widths(nlp) == {np.dtype(np.float16)}
    half.widen(nlp)
    assert widths(nlp) == {np.dtype(np.float32)}
