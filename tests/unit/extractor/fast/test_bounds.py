"""The tables are bounded, and running into a bound changes no result."""

from collections.abc import Sequence

import numpy as np
import pytest
from newstally_extractor.fast import FastPipeline, pipeline, prove
from newstally_extractor.fast.network import decoder, embedding, encoder
from newstally_extractor.fast.network.parameters import Floats
from newstally_extractor.fast.network.recognizer import Recognizer
from newstally_extractor.fast.proof_texts import EDGES, SENTENCES
from newstally_extractor.fast.reading import chunks
from newstally_extractor.pipelines.entities import Entity, stock_entities
from spacy.language import Language

TEXTS = [*EDGES, *SENTENCES]


def test_a_table_that_is_too_small(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for 64 words only, it is emptied again and again, within a text too."""
    monkeypatch.setattr(embedding, "FEWEST_WORDS", 64)
    monkeypatch.setattr(pipeline, "TABLE_BYTES", 1)
    fast = FastPipeline.from_nlp(shared)
    assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_a_text_with_more_words_than_a_table(
    shared: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text in which no word comes twice fills the table many times over."""
    monkeypatch.setattr(embedding, "FEWEST_WORDS", 64)
    monkeypatch.setattr(pipeline, "TABLE_BYTES", 1)
    fast = FastPipeline.from_nlp(shared)
    text = " ".join(f"word{number}" for number in range(300))
    assert fast.entities([text]) == stock_entities(shared, [text])


def test_a_memory_that_is_too_small(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing may be remembered, everything is forgotten before every group of texts."""
    monkeypatch.setattr(pipeline, "MEMORY_BYTES", 0)
    monkeypatch.setattr(pipeline, "GROUP_CHARACTERS", 100)
    fast = FastPipeline.from_nlp(shared)
    for _ in range(2):
        assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_a_tokenizer_made_anew(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokenizer, whose tables never shrink, is replaced from time to time."""
    monkeypatch.setattr(chunks, "_WORDS_PER_TOKENIZER", 0)
    monkeypatch.setattr(pipeline, "MEMORY_BYTES", 0)
    fast = FastPipeline.from_nlp(shared)
    for _ in range(3):
        assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_a_text_that_cannot_be_read(shared: Language) -> None:
    """It raises, as it does in spaCy, and leaves nothing behind for the next texts."""
    fast = FastPipeline.from_nlp(shared)
    with pytest.raises(UnicodeEncodeError):
        fast.entities([SENTENCES[0], "half of a \ud800 pair"])
    assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)


def test_close_scores(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts in which scores are too close are left to the pipeline, and no others."""
    fast = FastPipeline.from_nlp(shared)
    fast.entities(SENTENCES)
    assert fast.handed_back == 0
    monkeypatch.setattr(decoder, "_CLOSE", 100.0)
    assert fast.entities(TEXTS) == stock_entities(shared, TEXTS)
    assert len(SENTENCES) <= fast.handed_back <= len([text for text in TEXTS if text.strip()])


def test_close_scores_in_a_long_text(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text for which the pipeline would need much memory is not left to it."""
    monkeypatch.setattr(decoder, "_CLOSE", 100.0)
    monkeypatch.setattr(pipeline, "HANDED_BACK_CHARACTERS", 200)
    handed: list[str] = []

    def hand_back(texts: Sequence[str]) -> list[list[Entity]]:
        handed.extend(texts)
        return stock_entities(shared, texts)

    fast = FastPipeline.from_nlp(shared, hand_back)
    long = " ".join(SENTENCES)
    assert fast.entities([long, SENTENCES[0]]) == stock_entities(shared, [long, SENTENCES[0]])
    assert handed == [SENTENCES[0]]


def test_memory_as_it_was_found(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh memory may hold anything: what was not computed is never looked at."""

    def unclean(recognizer: Recognizer, rows: int) -> Floats:
        return np.full((rows, recognizer._encoder.width), 3e38, np.float32)

    monkeypatch.setattr(Recognizer, "_room", unclean)
    fast = FastPipeline.from_nlp(nlp)
    assert prove(nlp, fast) is None
    assert fast.entities(TEXTS) == stock_entities(nlp, TEXTS)


def test_many_tiny_texts(shared: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of no length take memory, too: the padding between them."""
    monkeypatch.setattr(pipeline, "GROUP_CHARACTERS", 1000)
    fast = FastPipeline.from_nlp(shared)
    sizes: list[int] = []
    find = fast._find

    def counted(texts: list[str]) -> list[list[Entity]]:
        sizes.append(len(texts))
        return find(texts)

    monkeypatch.setattr(fast, "_find", counted)
    assert fast.entities([""] * 1000) == [[]] * 1000
    assert max(sizes) <= 50


def test_long_texts(shared: Language) -> None:
    """A text of many blocks has the entities that spaCy finds in it."""
    text = " ".join(" ".join(SENTENCES[at % 15 :]) for at in range(40))
    assert len(text.split()) > 3 * encoder.BLOCK_ROWS
    fast = FastPipeline.from_nlp(shared)
    assert fast.entities([text]) == stock_entities(shared, [text])
