"""What the fast path does not reproduce, it refuses, saying why; it changes nothing."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import spacy
from newstally_extractor.fast import FastPipeline, Unsupported, prove
from newstally_extractor.fast.proof_texts import SENTENCES
from spacy.language import Language
from spacy.tokens import Doc

from .conftest import LISTENER, build, tok2vec, transitions


@Language.component("newstally_test_ents")
def forget_entities(doc: Doc) -> Doc:
    doc.ents = []
    return doc


def _with(name: str, **options: Any) -> Callable[[Language], None]:
    def make(nlp: Language) -> None:
        nlp.add_pipe("tok2vec", config={"model": tok2vec()})
        nlp.add_pipe("ner", config=transitions(LISTENER))
        nlp.add_pipe(name, **options)

    return make


def _beam(nlp: Language) -> None:
    nlp.add_pipe("beam_ner", name="ner", config=transitions(tok2vec()))


def _mish(nlp: Language) -> None:
    model = tok2vec()
    model["encode"] = {
        "@architectures": "spacy.MishWindowEncoder.v2",
        "width": 32,
        "depth": 2,
        "window_size": 1,
    }
    nlp.add_pipe("ner", config=transitions(model))


def _characters(nlp: Language) -> None:
    model = tok2vec()
    model["embed"] = {
        "@architectures": "spacy.CharacterEmbed.v2",
        "width": 32,
        "rows": 100,
        "nM": 8,
        "nC": 4,
        "include_static_vectors": False,
    }
    nlp.add_pipe("ner", config=transitions(model))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_with("entity_ruler"), "entity_ruler"),
        (_with("newstally_test_ents"), "newstally_test_ents"),
        (_with("merge_entities"), "merge_entities"),
        (_with("attribute_ruler"), "attribute_ruler"),
        (_beam, "beam"),
        (_mish, "MaxoutWindowEncoder"),
        (_characters, "MultiHashEmbed"),
    ],
)
def test_other_pipelines(make: Callable[[Language], None], reason: str) -> None:
    """Anything that may have a say in entities and is not reproduced is refused by name."""
    nlp = build(make)
    if reason == "attribute_ruler":
        rules: Any = nlp.get_pipe(reason)
        rules.add([[{"ORTH": "x"}]], {"SENT_START": 1})
    with pytest.raises(Unsupported, match=reason):
        FastPipeline.from_nlp(nlp)


@pytest.mark.parametrize("attr", ["NORM", "SHAPE", "PREFIX", "IS_SPACE", "ENT_TYPE", "SENT_START"])
def test_rules_for_what_the_model_reads(attr: str) -> None:
    """Rules that set what a model may read, of a token or of its word, are refused."""
    nlp = build(_with("attribute_ruler"))
    rules: Any = nlp.get_pipe("attribute_ruler")
    rules.add([[{"ORTH": "Berlin"}]], {"LEMMA": "berlin"})
    FastPipeline.from_nlp(nlp)
    rules.add([[{"ORTH": "Berlin"}]], {attr: 1})
    with pytest.raises(Unsupported, match="attribute_ruler"):
        FastPipeline.from_nlp(nlp)


def test_no_recognizer() -> None:
    """A pipeline without `ner` is refused."""
    with pytest.raises(Unsupported, match="0 components"):
        FastPipeline.from_nlp(spacy.blank("en"))


def test_what_cannot_be_read() -> None:
    """Whatever else goes wrong with reading a pipeline is a reason not to support it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")  # without parameters
    with pytest.raises(Unsupported, match="failed with"):
        FastPipeline.from_nlp(nlp)


def test_another_tokenizer(shared: Language) -> None:
    """A tokenizer that is not spaCy's own is refused."""
    nlp = copy.copy(shared)
    nlp.tokenizer = lambda text: Doc(shared.vocab, words=text.split())
    with pytest.raises(Unsupported, match="tokenizer"):
        FastPipeline.from_nlp(nlp)


def test_a_changed_word() -> None:
    """Words whose attributes were changed by hand in the vocabulary are noticed."""
    nlp = build(_with("tagger"))
    nlp.vocab["colour"].norm_ = "color"
    with pytest.raises(Unsupported, match="changed"):
        FastPipeline.from_nlp(nlp)


def test_rules_changed_behind_the_tokenizers_back() -> None:
    """A tokenizer goes on with the rules that it was given, not with what they were changed to."""
    nlp = build(_with("tagger"))
    nlp.tokenizer.rules.pop("don't")  # type: ignore[union-attr]
    with pytest.raises(Unsupported, match="rules"):
        FastPipeline.from_nlp(nlp)


def test_a_method_replaced_on_the_pipeline_itself() -> None:
    """Documents may be made by another function."""
    nlp = build(_with("tagger"))
    nlp.make_doc = lambda text: Language.make_doc(nlp, str(text).lower())  # type: ignore[method-assign]
    with pytest.raises(Unsupported, match="tokenizer"):
        FastPipeline.from_nlp(nlp)


def test_a_special_case_of_the_user() -> None:
    """Special cases of the user count, also such with white space in them."""
    nlp = build(_with("tagger"))
    nlp.tokenizer.add_special_case("New York", [{"ORTH": "New York", "NORM": "nyc"}])  # type: ignore[union-attr]
    nlp.tokenizer.add_special_case("Berlin", [{"ORTH": "Ber"}, {"ORTH": "lin"}])  # type: ignore[union-attr]
    assert prove(nlp, FastPipeline.from_nlp(nlp)) is None


def test_a_component_that_is_switched_off(shared: Language) -> None:
    """Only what runs counts: a disabled component is none."""
    nlp = build(_with("entity_ruler"))
    nlp.disable_pipe("entity_ruler")
    assert prove(nlp, FastPipeline.from_nlp(nlp)) is None


def test_a_text_that_is_too_long(shared: Language) -> None:
    """Where spaCy refuses a text for its length, so does the fast path."""
    fast = FastPipeline.from_nlp(shared)
    with pytest.raises(ValueError, match="E088"):
        fast.entities(["x" * (shared.max_length + 1)])


def test_a_proof_that_fails(shared: Language) -> None:
    """The proof tells two different models apart."""
    other = build(_with("tagger"), seed=1)
    reason = prove(shared, FastPipeline.from_nlp(other))
    assert reason is not None
    assert "instead of" in reason


def test_that_the_pipeline_stays_as_it_is(shared: Language) -> None:
    """Neither its vocabulary nor its parameters change."""
    words = {lexeme.orth for lexeme in shared.vocab}
    parameters = shared.get_pipe("ner").to_bytes()  # type: ignore[attr-defined]
    fast = FastPipeline.from_nlp(shared)
    fast.entities([f"{text} {number}" for number, text in enumerate(SENTENCES)])
    assert {lexeme.orth for lexeme in shared.vocab} == words
    assert shared.get_pipe("ner").to_bytes() == parameters  # type: ignore[attr-defined]
