"""`--engine fast`: the pipeline's own results, and the stock engine for what it does not know."""

from pathlib import Path

import pytest
import spacy
from newstally_extractor.engines import make_engine
from newstally_extractor.settings import ExtractorSettings

TEXTS = [
    "Angela Merkel met the United Nations' envoy in Geneva. Merkel spoke of Germany and of NATO.",
    "",
    "Nothing to see here, said nobody at all.",
    "The World Bank and the International Monetary Fund disagree, Reuters reports from Washington.",
]


def test_it_counts_what_the_stock_engine_counts() -> None:
    """Same keys, same labels, same numbers, and the same name and version of the model."""
    stock = make_engine(ExtractorSettings(engine="stock"))
    fast = make_engine(ExtractorSettings())
    assert (stock.name, fast.name) == ("stock", "fast")
    assert (fast.model, fast.model_version) == (stock.model, stock.model_version)
    assert list(fast.extract(TEXTS)) == list(stock.extract(TEXTS))
    assert fast.extract(TEXTS)[0]


def test_a_pipeline_it_does_not_know_runs_as_it_is(tmp_path: Path) -> None:
    """Rules are no transition-based recogniser: the stock engine takes over."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "ORG", "pattern": "NATO"}])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "rules")
    engine = make_engine(ExtractorSettings(engine="fast", model=str(tmp_path / "rules")))
    assert engine.name == "stock"
    assert engine.extract(["NATO met."]) == [{("nato", "ORG"): 1}]


def test_a_text_over_the_limit_is_an_error_of_that_text() -> None:
    """What the pipeline would not read is not read by the fast path either."""
    fast = make_engine(ExtractorSettings(engine="fast"))
    with pytest.raises(ValueError, match="E088"):
        fast.extract(["x" * 1_000_001])
