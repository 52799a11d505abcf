"""Small pipelines of every supported layout, with random parameters: they find odd entities, many.

Random parameters make every move and label happen, with no training; nothing depends on the texts
making sense.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vectors import Vectors

LABELS = ("PERSON", "ORG", "GPE", "DATE", "WORK_OF_ART")
WORDS = ("the", "of", "Berlin", "Angela", "said", "on", "Monday", ",", ".", "York", "3", "U.N.")


def tok2vec(**changes: Any) -> dict[str, Any]:
    width = changes.get("width", 32)
    attrs = changes.get("attrs", ["NORM", "PREFIX", "SUFFIX", "SHAPE"])
    return {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": width,
            "attrs": attrs,
            "rows": [500] * len(attrs),
            "include_static_vectors": changes.get("vectors", False),
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": width,
            "depth": changes.get("depth", 4),
            "window_size": changes.get("window", 1),
            "maxout_pieces": changes.get("pieces", 3),
        },
    }


LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}


def transitions(inner: dict[str, Any], **changes: Any) -> dict[str, Any]:
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 24,
        "maxout_pieces": 2,
        "use_upper": True,
        "nO": None,
        "tok2vec": copy.deepcopy(inner),
    }
    return {"model": {**model, **changes}}


def _shared(nlp: Language, inner: dict[str, Any] | None = None, **changes: Any) -> None:
    nlp.add_pipe("tok2vec", config={"model": inner or tok2vec()})
    nlp.add_pipe("ner", config=transitions(LISTENER, **changes))


def _own(nlp: Language) -> None:
    nlp.add_pipe("ner", config=transitions(tok2vec()))


def _vectors(nlp: Language) -> None:
    data = np.random.default_rng(3).standard_normal((len(WORDS), 20)).astype(np.float32)
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=WORDS, name="few")
    _shared(nlp, tok2vec(vectors=True))


def _like_en_core_web_sm(nlp: Language) -> None:
    attrs = ["NORM", "PREFIX", "SUFFIX", "SHAPE", "SPACY", "IS_SPACE"]
    nlp.add_pipe("tok2vec", config={"model": tok2vec(attrs=attrs)})
    nlp.add_pipe("tagger", config=_tagger(LISTENER))
    nlp.add_pipe("parser", config=transitions(LISTENER, state_type="parser"))
    nlp.add_pipe("attribute_ruler")
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"})
    nlp.add_pipe("ner", config=transitions(tok2vec(attrs=attrs)))


def _with_sentencizer(nlp: Language) -> None:
    nlp.add_pipe("sentencizer")
    _shared(nlp)


def _sentences_by_tag(nlp: Language) -> None:
    nlp.add_pipe("tagger", config=_tagger(tok2vec()))
    nlp.add_pipe("parser", config=transitions(tok2vec(attrs=["NORM", "TAG"]), state_type="parser"))
    nlp.add_pipe("ner", config=transitions(tok2vec()))


def _tagger(inner: dict[str, Any]) -> dict[str, Any]:
    return {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": inner}}


LAYOUTS: dict[str, Callable[[Language], None]] = {
    "shared": _shared,
    "own": _own,
    "vectors": _vectors,
    "six tokens": lambda nlp: _shared(nlp, extra_state_tokens=True),
    "no upper layer": lambda nlp: _shared(nlp, use_upper=False),
    "one piece": lambda nlp: _shared(nlp, tok2vec(pieces=1), maxout_pieces=1),
    "window of two": lambda nlp: _shared(nlp, tok2vec(window=2, depth=3)),
    "one layer": lambda nlp: _shared(nlp, tok2vec(depth=1)),
    "token's own space": lambda nlp: _shared(nlp, tok2vec(attrs=["ORTH", "SPACY", "LOWER"])),
    "a feature twice": lambda nlp: _shared(nlp, tok2vec(attrs=["NORM", "NORM", "SHAPE"])),
    "sentencizer": _with_sentencizer,
    "sentences by tag": _sentences_by_tag,
    "like en_core_web_sm": _like_en_core_web_sm,
}


def build(make: Callable[[Language], None], *, lang: str = "en", seed: int = 0) -> Language:
    """Make a pipeline and give it random parameters."""
    nlp = spacy.blank(lang)
    make(nlp)
    nlp.initialize(lambda: [_example(nlp)])
    random = np.random.default_rng(seed)
    for _, pipe in nlp.pipeline:
        model = getattr(pipe, "model", None)
        for node in model.walk() if model is not None else ():
            for name in node.param_names:
                node.set_param(name, _random(random, name, node.get_param(name).shape))
    _balance(nlp)
    if "attribute_ruler" in nlp.pipe_names:
        rules: Any = nlp.get_pipe("attribute_ruler")
        rules.add([[{"TAG": "A"}]], {"POS": "NOUN"})
    return nlp


def _random(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    if name == "G":
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    scale = 1.0 if name == "E" else 0.3
    return (scale * random.standard_normal(shape)).astype(np.float32)


def _balance(nlp: Language) -> None:
    """Favour the move O, so that there are entities and gaps between them."""
    recognizer: Any = nlp.get_pipe("ner")
    names = [recognizer.moves.get_class_name(at) for at in range(recognizer.moves.n_moves)]
    has_upper = recognizer.model.attrs["has_upper"]
    layer = recognizer.model.get_ref("upper" if has_upper else "lower")
    bias = layer.get_param("b").copy()
    bias[names.index("O")] += 4.0
    layer.set_param("b", bias)


def _example(nlp: Language) -> Example:
    words = [*WORDS, "!", "It", "ends", "."]
    heads = [min(at + 1, len(words) - 5) for at in range(len(words))]
    heads[-4:] = [len(words) - 1] * 4
    doc = Doc(
        nlp.vocab,
        words=words,
        tags=["A" if word.isalpha() else "B" for word in words],
        heads=heads,
        deps=["ROOT" if head == at else "dep" for at, head in enumerate(heads)],
        lemmas=words,
        ents=[f"B-{label}" for label in LABELS] + ["O"] * (len(words) - len(LABELS)),
    )
    lemmatizer: Any = nlp.get_pipe("lemmatizer") if "lemmatizer" in nlp.pipe_names else None
    if lemmatizer is not None:
        lookups = Lookups()
        lookups.add_table("lemma_lookup", {"said": "say"})
        lemmatizer.initialize = lambda *_, **__: type(lemmatizer).initialize(
            lemmatizer, lookups=lookups
        )
    return Example(nlp.make_doc(doc.text), doc)


QUICK = ("shared", "vectors", "sentencizer", "like en_core_web_sm")
"""Layouts that differ most; the others are left out by `make quick`."""


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in LAYOUTS
    ],
    ids=str,
)
def nlp(request: pytest.FixtureRequest) -> Language:
    """A pipeline of each supported layout."""
    return build(LAYOUTS[request.param])


@pytest.fixture(scope="session")
def shared() -> Language:
    """A pipeline laid out like the default model."""
    return build(_shared)
