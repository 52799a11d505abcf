"""spaCy as it is."""

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import spacy
from newstally_extractor.engines import make_engine
from newstally_extractor.engines.stock import StockEngine, unread_components
from newstally_extractor.names.counting import CountsTexts
from newstally_extractor.settings import ExtractorSettings
from newstally_runtime.settings import load
from spacy.language import Language
from spacy.tokens import Doc


@Language.component("newstally_test_touchy")
def touchy(doc: Doc) -> Doc:
    if "grenade" in doc.text:
        raise ValueError(doc.text)
    return doc


def pipeline() -> Language:
    nlp = spacy.blank("en")
    nlp.meta["name"] = "tiny"
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(  # type: ignore[attr-defined]
        [
            {"label": "PERSON", "pattern": [{"LOWER": "angela"}, {"LOWER": "merkel"}]},
            {"label": "GPE", "pattern": "Berlin"},
            {"label": "CARDINAL", "pattern": "three"},
        ]
    )
    return nlp


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    pipeline().to_disk(path)
    return path


def engine(folder: Path, *flags: str) -> StockEngine:
    made = make_engine(load(ExtractorSettings, ["--model", str(folder), *flags]))
    assert isinstance(made, StockEngine)
    return made


def test_counts_a_pipeline_from_a_folder(folder: Path) -> None:
    """Any pipeline with doc.ents can be named; its entities are normalised and counted."""
    texts = ["Angela Merkel left Berlin. ANGELA MERKEL's three cats did not.", "", "Nobody."]
    assert engine(folder).extract(texts) == [
        {("angela merkel", "PERSON"): 2, ("berlin", "GPE"): 1},
        {},
        {},
    ]


def test_excluded_labels_can_be_chosen(folder: Path) -> None:
    """Which labels are left out is a setting."""
    assert engine(folder, "--exclude-labels", "GPE").extract(["three in Berlin"]) == [
        {("three", "CARDINAL"): 1}
    ]


def test_says_what_it_runs(folder: Path) -> None:
    """Model and version are the pipeline's own."""
    it = engine(folder)
    assert (it.name, it.model, it.model_version) == ("stock", "en_tiny", "0.0.0")


def test_content_as_long_as_the_limit(folder: Path) -> None:
    """spaCy's own limit on a text's length does not undercut the content limit."""
    it = engine(folder, "--max-content-bytes", "1500000")
    assert it.extract(["Berlin " + " " * 1_400_000]) == [{("berlin", "GPE"): 1}]
    assert it.extract(["a" * 1_500_000]) == [{}]  # which is read with spaces in it


def test_usable_after_an_error() -> None:
    """An article that the pipeline cannot bear leaves the engine as good as before."""
    nlp = pipeline()
    nlp.add_pipe("newstally_test_touchy")
    it = StockEngine(lambda: nlp, CountsTexts(frozenset()))
    for _ in range(3):
        with pytest.raises(ValueError, match="grenade"):
            it.extract(["Berlin", "a grenade"])
        assert it.extract(["Berlin"]) == [{("berlin", "GPE"): 1}]


def test_nothing_outlives_a_batch(folder: Path) -> None:
    """Words that were never seen before are not kept: neither their strings nor their lexemes."""
    nlp = spacy.load(folder)
    it = StockEngine(lambda: nlp, CountsTexts(frozenset()))
    it.extract(["Berlin"])
    before = set(nlp.vocab.strings), {lexeme.orth for lexeme in nlp.vocab}
    for batch in range(5):
        it.extract([f"Berlin saw word{batch}x{number} today" for number in range(100)])
    assert (set(nlp.vocab.strings), {lexeme.orth for lexeme in nlp.vocab}) == before


class Loader:
    """Loads pipelines until it is told to fail; says how many."""

    def __init__(self) -> None:
        self.loaded = 0
        self.broken = False

    def __call__(self) -> Language:
        if self.broken:
            raise OSError("gone")
        self.loaded += 1
        return pipeline()


def novelties(batch: int) -> list[str]:
    return [f"Berlin saw word{batch}x{number}" for number in range(50)]


def test_the_vocabulary_is_renewed() -> None:
    """After so many new words the pipeline is loaded anew, which frees what its tables took."""
    loader = Loader()
    it = StockEngine(loader, CountsTexts(frozenset()), renew_after_words=200)
    for batch in range(9):
        assert it.extract(novelties(batch)) == [{("berlin", "GPE"): 1}] * 50
    assert loader.loaded == 3


def test_a_frozen_pipeline_is_freed_when_it_is_renewed() -> None:
    """The process freezes the first one, for which no garbage collector looks any more."""
    it = StockEngine(Loader(), CountsTexts(frozenset()), renew_after_words=200)
    first = weakref.ref(it.nlp)
    gc.collect()
    gc.freeze()
    try:
        for batch in range(5):
            it.extract(novelties(batch))
        assert first() is None
    finally:
        gc.unfreeze()


def test_a_pipeline_that_cannot_be_renewed_works_on() -> None:
    """A model whose files are gone by then costs memory, not articles."""
    loader = Loader()
    it = StockEngine(loader, CountsTexts(frozenset()), renew_after_words=200)
    loader.broken = True
    for batch in range(9):
        assert it.extract(novelties(batch)) == [{("berlin", "GPE"): 1}] * 50
    assert loader.loaded == 1


def test_only_what_entities_do_not_need_is_left_out() -> None:
    """Taggers go, sentence boundaries stay: an entity never crosses one."""
    nlp = spacy.blank("en")
    for name in ("tok2vec", "tagger", "parser", "lemmatizer", "ner"):
        nlp.add_pipe(name)
    assert unread_components(nlp) == ["tagger", "lemmatizer"]


def test_what_a_model_reads_is_not_left_out() -> None:
    """A recogniser may be trained to read tags: then the tagger stays."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 8,
        "attrs": ["NORM", "TAG"],
        "rows": [10, 10],
        "include_static_vectors": False,
    }
    encode = {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": 8,
        "window_size": 1,
        "maxout_pieces": 2,
        "depth": 1,
    }
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
    assert unread_components(nlp) == []


def test_what_rules_may_match_is_not_left_out() -> None:
    """Rules that begin sentences may look for tags; rules that set lemmas do not matter."""
    nlp = spacy.blank("en")
    for name in ("tagger", "attribute_ruler", "ner"):
        nlp.add_pipe(name)
    rules: Any = nlp.get_pipe("attribute_ruler")
    rules.add([[{"TAG": "NN"}]], {"LEMMA": "thing"})
    assert unread_components(nlp) == ["tagger"]
    rules.add([[{"TAG": "NN"}]], {"SENT_START": 1})
    assert unread_components(nlp) == []


def test_nothing_is_left_out_of_pipelines_that_are_not_understood() -> None:
    """A rule may look at any annotation: with one in the pipeline everything stays."""
    nlp = spacy.blank("en")
    for name in ("tagger", "ner", "entity_ruler"):
        nlp.add_pipe(name)
    assert unread_components(nlp) == []
