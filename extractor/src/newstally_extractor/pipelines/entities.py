"""A pipeline's entities as the pipeline itself finds them."""

from collections.abc import Callable, Sequence

from spacy.language import Language

Entity = tuple[int, int, str]
"""First character, the one behind the last, label."""

Find = Callable[[Sequence[str]], list[list[Entity]]]
"""Finds each text's entities, in order."""


def stock_entities(nlp: Language, texts: Sequence[str]) -> list[list[Entity]]:
    """Return each text's entities as the pipeline itself finds them."""
    with nlp.memory_zone():
        return [
            [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]
            for doc in nlp.pipe(texts)
        ]
