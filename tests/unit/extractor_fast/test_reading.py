"""Texts are cut into tokens as spaCy cuts them, and remembering them has a bound."""

from collections.abc import Sequence

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_extractor.fast.chunks import ChunkReader
from newstally_extractor.fast.private_tokenizer import private_tokenizer
from newstally_extractor.fast.words import Words
from spacy.attrs import NORM, ORTH, SHAPE, SPACY
from spacy.language import Language

PIECES = (": (", ":(", ":)", "(:))", ")", "(", ":", "8", "-", "he", "'s", "a.", "D.C.", "U.S.", "'")
SPACES = (" ", "  ", "\n", " \n", "\n ", "\t", "\u00a0", "")

soup = st.lists(st.sampled_from((*PIECES, *SPACES)), max_size=25).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module", params=["en", "de", "fr"])
def blank(request: pytest.FixtureRequest) -> Language:
    return spacy.blank(request.param)


@pytest.fixture(scope="module")
def reader(blank: Language) -> tuple[ChunkReader, Words]:
    words = Words((ORTH, NORM, SHAPE, SPACY))
    return ChunkReader(private_tokenizer(blank, words.columns), words), words


@settings(max_examples=150, deadline=None)
@given(batch=st.lists(st.one_of(soup, anything), max_size=5))
def test_tokens_are_spacys(
    blank: Language, reader: tuple[ChunkReader, Words], batch: list[str]
) -> None:
    """Same tokens at the same places, with the same attributes, whatever the text."""
    chunks, words = reader
    tokens = chunks.read(batch)
    ends = np.cumsum(tokens.counts)
    for text, begin, end in zip(batch, ends - tokens.counts, ends, strict=True):
        doc = blank.make_doc(text)
        assert tokens.starts[begin:end].tolist() == [token.idx for token in doc]
        expected = doc.to_array([*words.columns])
        assert words.features(tokens.words[begin:end]).tolist() == expected.tolist()


def test_forgetting(reader: tuple[ChunkReader, Words], blank: Language) -> None:
    """What was remembered can be forgotten, and is read again just the same."""
    chunks, words = reader

    def starts(texts: Sequence[str]) -> list[int]:
        return [int(start) for start in chunks.read(texts).starts]

    before = starts(["Some words, of which some are new."])
    assert chunks.size_bytes > 0
    chunks.forget()
    assert chunks.size_bytes == 0
    assert len(words) == 1, "only padding is left"
    assert starts(["Some words, of which some are new."]) == before


def test_a_vocabulary_that_does_not_grow(blank: Language) -> None:
    """Reading leaves nothing in the vocabulary: new words live as long as one look at them."""
    words = Words((NORM,))
    tokenizer = private_tokenizer(blank, words.columns)
    chunks = ChunkReader(tokenizer, words)
    before = len(list(tokenizer.vocab.strings))
    chunks.read([f"word{number} another{number}" for number in range(500)])
    assert len(list(tokenizer.vocab.strings)) == before
