"""Texts are cut into tokens as spaCy cuts them, and remembering them has a bound."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_extractor.fast.reading import chunks as module
from newstally_extractor.fast.reading.chunks import ChunkReader
from newstally_extractor.fast.reading.documents import DocumentReader
from newstally_extractor.fast.reading.private_tokenizer import private_tokenizer
from newstally_extractor.fast.reading.words import Words
from spacy.attrs import NORM, ORTH, SHAPE, SPACY
from spacy.language import Language
from spacy.tokens import Doc

PIECES = (": (", ":(", ":)", "(:))", ")", "(", ":", "8", "-", "he", "'s", "a.", "D.C.", "U.S.", "'")
SPACES = (" ", "  ", "\n", " \n", "\n ", "\t", "\u00a0", "")

soup = st.lists(st.sampled_from((*PIECES, *SPACES)), max_size=25).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module", params=["en", "de", pytest.param("fr", marks=pytest.mark.slow)])
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


def test_a_vocabulary_that_grows_out_of_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokenizer is made anew for the words that it has seen, however few chunks they were."""
    monkeypatch.setattr(module, "_WORDS_PER_TOKENIZER", 1000)
    blank = spacy.blank("en")
    blank.tokenizer.add_special_case("New York", [{ORTH: "New York"}])  # type: ignore[union-attr]
    words = Words((NORM,))
    chunks = ChunkReader(private_tokenizer(blank, words.columns), words)
    first = chunks._tokenizer
    for text in range(4):
        chunks.read([" ".join(f"word{text}x{number}" for number in range(300))])
        chunks.forget()
        assert (chunks._tokenizer is first) == (text < 3)


class Forgetful:
    """A component that leaves out what it fails on, as spaCy's can be told to."""

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def pipe(self, docs: Iterable[Doc]) -> Iterator[Doc]:
        return (doc for doc in docs if "grenade" not in doc.text)


def test_a_text_that_a_component_leaves_out() -> None:
    """It must not shift the others: all of them have to be read again, one by one."""
    nlp = spacy.blank("en")
    reader = DocumentReader(nlp, [("forgetful", Forgetful())], Words((NORM,)))
    assert reader.read(["All is", "well."]).counts.tolist() == [2, 2]
    with pytest.raises(ValueError, match="leaves out"):
        reader.read(["A grenade.", "All is well."])


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
