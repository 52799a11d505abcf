"""Which components of a pipeline have a say in its entities."""

from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.pipeline import EntityRecognizer, Lemmatizer, Sentencizer, Tok2Vec
from spacy.pipeline.attributeruler import AttributeRuler
from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokenizer import Tokenizer
from spacy.vocab import Vocab
from thinc.api import Model

from newstally_extractor.fast.unsupported import Unsupported
from newstally_extractor.pipelines.annotations import Pipe, is_harmless, reads_annotations

_SILENT = frozenset(
    {
        "spacy.pipeline.edit_tree_lemmatizer.EditTreeLemmatizer",
        "spacy.pipeline.entity_linker.EntityLinker",
        "spacy.pipeline.morphologizer.Morphologizer",
        "spacy.pipeline.span_finder.SpanFinder",
        "spacy.pipeline.spancat.SpanCategorizer",
        "spacy.pipeline.tagger.Tagger",
        "spacy.pipeline.textcat.TextCategorizer",
        "spacy.pipeline.textcat_multilabel.MultiLabel_TextCategorizer",
        "spacy.pipeline.tok2vec.Tok2Vec",
    }
)
"""Kinds of components that neither set entities nor anything that entities come from."""

_SENTENCES = frozenset(
    {
        "spacy.pipeline.dep_parser.DependencyParser",
        "spacy.pipeline.senter.SentenceRecognizer",
        "spacy.pipeline.sentencizer.Sentencizer",
    }
)
"""Kinds of components that begin sentences, which no entity found afterwards may cross."""


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The components that a text's entities come from."""

    recognizer: EntityRecognizer
    tok2vec: Model[Any, Any]
    """The tok2vec that the recognizer reads, its own or the shared one."""
    sentences: tuple[tuple[str, Pipe], ...]
    """What has to run first, in order, because it begins sentences; mostly nothing."""


def find_components(nlp: Language) -> Components:
    """Find them; raises Unsupported for a pipeline whose entities come from elsewhere too."""
    if (
        getattr(nlp.make_doc, "__func__", None) is not Language.make_doc
        or type(nlp.tokenizer) is not Tokenizer
    ):
        raise Unsupported("it has a tokenizer of its own")
    names = nlp.pipe_names
    found = [name for name, pipe in nlp.pipeline if type(pipe) is EntityRecognizer]
    if len(found) != 1:
        raise Unsupported(f"it has {len(found)} components of spaCy's kind `ner`")
    at = names.index(found[0])
    for name, pipe in nlp.pipeline:
        if name != found[0] and not _is_known(pipe):
            raise Unsupported(f"its component {name!r} may have a say in entities")
    recognizer = nlp.pipeline[at][1]
    assert isinstance(recognizer, EntityRecognizer)  # noqa: S101 - for the type checker
    if recognizer.cfg["beam_width"] != 1:
        raise Unsupported("it decodes with a beam")
    before = nlp.pipeline[:at]
    sentences = _with_what_they_read(
        [pair for pair in before if _kind(pair[1]) in _SENTENCES], before, nlp.vocab
    )
    return Components(
        recognizer=recognizer,
        tok2vec=_tok2vec(recognizer.model, before),
        sentences=sentences,
    )


def _tok2vec(model: Model[Any, Any], before: list[tuple[str, Pipe]]) -> Model[Any, Any]:
    own: Model[Any, Any] = model.layers[0].layers[0]
    if not isinstance(own, Tok2VecListener):
        return own
    # A listener reads `doc.tensor`, which the last tok2vec before it has written.
    shared = [pipe for _, pipe in before if type(pipe) is Tok2Vec]
    if not shared:
        raise Unsupported("its `ner` listens to a tok2vec that is not there")
    return shared[-1].model


def _with_what_they_read(
    wanted: list[tuple[str, Pipe]], before: list[tuple[str, Pipe]], vocab: Vocab
) -> tuple[tuple[str, Pipe], ...]:
    names = {name for name, _ in wanted}
    if any(_listens(pipe) for _, pipe in wanted):
        names |= {name for name, pipe in before if type(pipe) is Tok2Vec}
    found = tuple(pair for pair in before if pair[0] in names)
    return tuple(before) if any(reads_annotations(pipe, vocab) for _, pipe in found) else found


def _listens(pipe: Pipe) -> bool:
    if type(pipe) is Sentencizer:
        return False
    model = getattr(pipe, "model", None)
    return isinstance(model, Model) and any(
        isinstance(node, Tok2VecListener) for node in model.walk()
    )


def _is_known(pipe: Pipe) -> bool:
    if _kind(pipe) in _SILENT | _SENTENCES:
        return True
    if type(pipe) is AttributeRuler:
        return is_harmless(pipe)
    # A lemmatizer is of a kind per language.
    return isinstance(pipe, Lemmatizer) and type(pipe).__module__.startswith("spacy.")


def _kind(pipe: object) -> str:
    kind = type(pipe)
    return f"{kind.__module__}.{kind.__qualname__}"
