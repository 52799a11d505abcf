"""No text costs an engine more than five times what prose of its length does."""

from itertools import cycle, islice

import pytest
from newstally_extractor.core.costs import estimate_cost
from newstally_extractor.engines import fast, stock
from newstally_extractor.engines.engine import Engine
from newstally_extractor.pipelines.cutting import RUN, SIGNS, cut
from newstally_extractor.settings import ExtractorSettings

LENGTH = 5_000
WORDS = (
    "The minister said on Monday that Berlin and Paris had agreed to wait for the report of the "
    "committee, which is expected in the second half of the year; nobody at NATO would comment. "
)
SHAPES = {
    "equals": "=",
    "exclamations": "!?",
    "quotes": "\"'“”«",
    "brackets": "([{)]}",
    "commas": ",;:",
    "dots": ".…",
    "hyphens": "-\u2013\u2014",
    "URL": "http://example.org/a-b?c=d&e=f%20g/",
    "hyphenated": "well-known-",
    "apostrophes": "d'l'n't",
    "initials": "U.S.A.",
    "emoji": "😀👍🔥",
    "mixed scripts": "a\u0431\u03b3漢א1",
    "zero-width": "a\u200bb\u200d",
    "combining": "a\u0301\u0308",
    "currency": "$1€2£3",
    "letters": "loremipsumdolor",
    "ideographs": "的一是不了人我在",
}


@pytest.fixture(scope="module")
def engines() -> dict[str, Engine]:
    settings = ExtractorSettings(_cli_parse_args=[])
    return {"stock": stock.make(settings), "fast": fast.make(settings)}


def of_length(unit: str, length: int = LENGTH) -> str:
    return "".join(islice(cycle(unit), length))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_has_no_white_space(engines: dict[str, Engine], shape: str) -> None:
    """The tokenizer is quadratic in a run: none is long, and no run gives too many words.

    Counted, not timed: uncut, ten thousand `=` took sixteen seconds.
    """
    stock_engine = engines["stock"]
    assert isinstance(stock_engine, stock.StockEngine)
    make_doc = stock_engine.nlp.make_doc
    text = cut(of_length(SHAPES[shape]))
    assert max(map(len, text.split())) <= RUN
    assert len(make_doc(text)) <= 5 * len(make_doc(of_length(WORDS)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("run", [1, 2, SIGNS, RUN])
def test_what_is_just_not_cut(engines: dict[str, Engine], shape: str, run: int) -> None:
    """Words are what an engine works on: at most five times as many as prose has."""
    stock_engine = engines["stock"]
    assert isinstance(stock_engine, stock.StockEngine)
    make_doc = stock_engine.nlp.make_doc
    prose = len(make_doc(of_length(WORDS)))
    text = of_length(of_length(SHAPES[shape], run) + " ")
    assert len(make_doc(cut(text))) <= 5 * prose
    assert estimate_cost(len(text), text.encode()) >= LENGTH


def test_both_engines_read_the_same(engines: dict[str, Engine]) -> None:
    """What is cut is cut alike: the entities are equal."""
    texts = [f"{WORDS} {of_length(unit)} Angela Merkel {WORDS}" for unit in SHAPES.values()]
    assert engines["fast"].name == "fast"
    assert list(engines["fast"].extract(texts)) == list(engines["stock"].extract(texts))
