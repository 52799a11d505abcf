"""The fast path finds what spaCy finds, in every layout that it supports."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newstally_extractor.fast import FastPipeline, prove
from newstally_extractor.fast.proof_texts import EDGES, SENTENCES
from newstally_extractor.pipelines.entities import stock_entities
from spacy.language import Language

WORDS = sorted({word for text in (*EDGES, *SENTENCES) for word in text.split() if len(word) < 30})
SPACES = (" ", "  ", "\n", " \n", "\n ", "\t", "\u00a0", " \u2003 ", "\r\n\r\n")
EMOTICONS = (
    ":",
    ")",
    "(",
    ":)",
    ": )",
    "'s",
    "he",
    "-",
    "<3",
    "8",
    "a.",
    "C++",
    "...",
    "o",
    "O",
    "'",
)

news = st.lists(
    st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)).map("".join), max_size=60
).map("".join)
soup = st.lists(st.sampled_from((*EMOTICONS, *SPACES, " ")), max_size=30).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
texts = st.one_of(news, soup, anything, st.tuples(anything, news, soup).map("".join))

generated = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def fast(nlp: Language) -> FastPipeline:
    return FastPipeline.from_nlp(nlp)


def test_that_it_proves_itself(nlp: Language, fast: FastPipeline) -> None:
    """The texts of the proof have the same entities, and there are entities in them."""
    assert prove(nlp, fast) is None
    assert sum(map(len, fast.entities(SENTENCES))) > 10


@generated
@given(st.lists(texts, max_size=6))
def test_any_texts(nlp: Language, fast: FastPipeline, batch: list[str]) -> None:
    """Whatever the texts, and whichever come together: same entities, labels and positions."""
    assert fast.entities(batch) == stock_entities(nlp, batch)


def test_the_order_and_company_of_texts(nlp: Language, fast: FastPipeline) -> None:
    """A text's entities depend neither on its neighbours nor on what was read before."""
    batch = [*EDGES, *SENTENCES]
    together = fast.entities(batch)
    assert fast.entities(batch[::-1])[::-1] == together
    assert [fast.entities([text])[0] for text in batch] == together


def test_mentions_are_entities_by_text(fast: FastPipeline) -> None:
    """A mention is an entity's text, as it is written, and its label."""
    for text, found, mentioned in zip(
        SENTENCES, fast.entities(SENTENCES), fast.mentions(SENTENCES), strict=True
    ):
        assert mentioned == [(text[start:end], label) for start, end, label in found]


def test_no_texts(fast: FastPipeline) -> None:
    """Nothing in, nothing out."""
    assert fast.entities([]) == []
    assert fast.entities([""]) == [[]]
