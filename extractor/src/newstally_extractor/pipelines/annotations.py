"""Which components look at what other components have written on tokens."""

from collections.abc import Callable
from typing import Any

from spacy.attrs import intify_attr
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

Pipe = Callable[[Doc], Doc]

_OF_THE_TEXT = frozenset(intify_attr(name) for name in ("ORTH", "LENGTH", "SPACY"))
"""Attributes that the tokenizer gives, besides those that a vocabulary works out."""

_IGNORED = frozenset(
    {"_", *(intify_attr(name) for name in ("TAG", "POS", "MORPH", "LEMMA", "DEP"))}
)
"""Attributes that no entity depends on, unless a model reads them."""

_KNOWN = ("spacy.", "spacy_legacy.", "thinc.")
"""Where those layers are from of which it is known what they read."""


def reads_annotations(pipe: Pipe, vocab: Vocab) -> bool:
    """Say whether a component's model may read more of a token than its text."""
    model = getattr(pipe, "model", None)
    return isinstance(model, Model) and any(_reads(node, vocab) for node in model.walk())


def is_harmless(ruler: AttributeRuler) -> bool:
    """Say whether its rules set no attribute that entities depend on.

    spaCy sets what a rule says of the token and of its word, for good.
    """
    attrs = {key for rule in ruler.attrs for key in rule}
    return all(attr in _IGNORED or intify_attr(attr) in _IGNORED for attr in attrs)


def _reads(node: Model[Any, Any], vocab: Vocab) -> bool:
    module = str(node._func.__module__)  # noqa: SLF001 - the only trustworthy mark of a layer
    if module != "spacy.ml.featureextractor":
        return not module.startswith(_KNOWN)
    theirs: Any = vocab
    attrs = {intify_attr(name) for name in node.attrs["columns"]}
    return not attrs <= _OF_THE_TEXT | set(theirs.lex_attr_getters)
