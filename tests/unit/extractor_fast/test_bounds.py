"""The tables are bounded, and running into a bound changes no result."""

import pytest
from newstally_extractor.fast import FastPipeline, embedding, encoder, pipeline
from newstally_extractor.fast.proof import stock_entities
from newstally_extractor.fast.proof_texts import EDGES, SENTENCES
from spacy.language import Language

TEXTS = [*EDGES, *SENTENCES]


def test_a_table_that_is_too_small(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for 64 words only, it is emptied again and again, within a text too."""
    monkeypatch.setattr(embedding, "FEWEST_WORDS", 64)
    monkeypatch.setattr(pipeline, "TABLE_BYTES", 1)
    fast = FastPipeline.from_nlp(shared)
    assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_a_memory_that_is_too_small(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing may be remembered, everything is forgotten before every group of texts."""
    monkeypatch.setattr(pipeline, "MEMORY_BYTES", 0)
    monkeypatch.setattr(pipeline, "GROUP_CHARACTERS", 100)
    fast = FastPipeline.from_nlp(shared)
    for _ in range(2):
        assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_long_texts(shared: Language) -> None:
    """A text of many blocks has the entities that spaCy finds in it."""
    text = " ".join(" ".join(SENTENCES[at % 15 :]) for at in range(40))
    assert len(text.split()) > 3 * encoder.BLOCK_ROWS
    fast = FastPipeline.from_nlp(shared)
    assert fast.entities([text]) == stock_entities(shared, [text])
