"""The pipeline behind the fast path is loaded anew in time, and let go of."""

import gc
import weakref

import pytest
from newstally_extractor.engines.fast import FastEngine
from newstally_extractor.engines.stock import StockEngine
from newstally_extractor.fast import FastPipeline
from newstally_extractor.fast.proof_texts import SENTENCES
from newstally_extractor.names.counting import CountsTexts
from spacy.language import Language

from .conftest import LAYOUTS, build


@pytest.mark.parametrize("layout", ["shared", "sentencizer"])
def test_a_pipeline_loaded_anew(layout: str) -> None:
    """The one before is kept by nothing, though the fast path may run components of it."""
    loaded: list[weakref.ref[Language]] = []

    def load() -> Language:
        nlp = build(LAYOUTS[layout])
        loaded.append(weakref.ref(nlp))
        return nlp

    stock = StockEngine(load, CountsTexts(frozenset()), renew_after_words=2000)
    engine = FastEngine(stock, FastPipeline.from_nlp(stock.nlp, stock.entities))
    expected = list(engine.extract(SENTENCES))
    for number in range(400):
        if len(loaded) == 3:
            break
        engine.extract([f"{text} word{number}" for text in SENTENCES])
        if layout == "shared":  # there only what is handed back reaches the vocabulary
            stock.entities([f"word{number}x{other}" for other in range(200)])
    assert len(loaded) == 3
    assert list(engine.extract(SENTENCES)) == expected
    gc.collect()
    assert [nlp() is not None for nlp in loaded] == [False, False, True]
