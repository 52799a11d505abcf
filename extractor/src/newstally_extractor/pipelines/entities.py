"""A pipeline's entities as the pipeline itself finds them."""

from collections.abc import Callable, Sequence

from spacy.language import Language
from spacy.tokens import Doc

Entity = tuple[int, int, str]
"""First character, the one behind the last, label."""

Find = Callable[[Sequence[str]], list[list[Entity]]]
"""Finds each text's entities, in order."""


def entities_of(doc: Doc) -> list[Entity]:
    """Return a document's entities, in order."""
    return [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]


def stock_entities(nlp: Language, texts: Sequence[str]) -> list[list[Entity]]:
    """Return each text's entities as the pipeline itself finds them."""
    with nlp.memory_zone():
        return [entities_of(doc) for doc in nlp.pipe(texts)]
