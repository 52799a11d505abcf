"""How far scores are from spaCy's is measured; what that could change is doubtful."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from newstally_extractor.fast import FastPipeline, Unsupported, prove, rounding
from newstally_extractor.fast.network import decoder
from newstally_extractor.fast.proof_texts import SENTENCES, salads
from newstally_extractor.pipelines.entities import stock_entities
from spacy.language import Language

from .conftest import build, tok2vec, transitions


def _measured(nlp: Language) -> float:
    return FastPipeline.from_nlp(nlp)._recognizer._decoder._rounding


def _large(nlp: Language) -> None:
    nlp.add_pipe("ner", config=transitions(tok2vec(), hidden_width=256))


def _set(nlp: Language, layer: str, param: str, value: float) -> None:
    recognizer: Any = nlp.get_pipe("ner")
    node = next(node for node in recognizer.model.walk() if node.name == layer)
    array = node.get_param(param).copy()
    array.reshape(-1)[-1] = value
    node.set_param(param, array)


def test_other_texts(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """On other texts than those measured, the differences stay well within the margin."""
    measured = _measured(nlp)
    assert 0 < measured < 1e-4
    monkeypatch.setattr(rounding, "_TEXTS", tuple(islice(salads(9), 40)))
    assert 2 * _measured(nlp) < decoder._MARGIN * measured


def test_large_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose scores differ by more than those of the default model is in doubt earlier."""
    nlp = build(_large)
    assert _measured(nlp) > 2 * decoder._CLOSE
    texts = [*SENTENCES, *islice(salads(10), 100)]
    fast = FastPipeline.from_nlp(nlp)
    assert fast.entities(texts) == stock_entities(nlp, texts)
    allowing = fast.handed_back
    assert allowing > 0
    fast._recognizer.allow_for_rounding(0)
    fast.entities(texts)
    assert fast.handed_back - allowing < allowing


@pytest.mark.parametrize(("layer", "param"), [("hashembed", "E"), ("maxout", "W"), ("linear", "b")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_that_are_not_finite(layer: str, param: str, value: float) -> None:
    """They make spaCy decide by chance, if only for a word that comes once in a year."""
    nlp = build(_large)
    _set(nlp, layer, param, value)
    with pytest.raises(Unsupported, match="finite"):
        FastPipeline.from_nlp(nlp)


def test_scores_that_are_not_finite() -> None:
    """Finite parameters whose products are too large are noticed by what they give."""
    nlp = build(_large)
    recognizer: Any = nlp.get_pipe("ner")
    for layer in ("lower", "upper"):
        node = recognizer.model.get_ref(layer)
        node.set_param("W", node.get_param("W") * np.float32(1e30))
    with pytest.raises(Unsupported, match="finite"), np.errstate(all="ignore"):
        FastPipeline.from_nlp(nlp)


def test_a_score_that_is_no_number(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a number is none after all, for one text, that text is left to the pipeline."""
    fast = FastPipeline.from_nlp(nlp)
    assert prove(nlp, fast) is None
    outside = fast._recognizer.scores.outside

    def spoilt(vectors: Any) -> Any:
        scores = outside(vectors)
        scores[:, len(vectors) // 2] = np.nan
        return scores

    before = fast.handed_back
    monkeypatch.setattr(fast._recognizer.scores, "outside", spoilt)
    assert fast.entities(SENTENCES) == stock_entities(nlp, SENTENCES)
    assert fast.handed_back > before
