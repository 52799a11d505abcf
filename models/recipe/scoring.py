"""How good entities are on documents with annotation, while something is trained and chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corpora import COARSE
from development import HUMAN
from prepare import Labelled
from spacy.language import Language

Entities = Iterable[tuple[int, int, str]]
"""(start, end, label), the ends in tokens."""


def pooled_f1(documents: Sequence[Labelled], found: Sequence[Entities]) -> float:
    """Return the folded F1 over all entities of the documents, 0 to 100."""
    right = total = 0
    for one, entities in zip(documents, found, strict=True):
        gold = _folded((span.start, span.end, span.label_) for span in one.doc.ents)
        own = _folded(entities)
        right += 2 * len(gold & own)
        total += len(gold) + len(own)
    return 100 * right / total if total else 0.0


def measured(nlp: Language, dev: Sequence[Labelled]) -> float:
    """Return the folded F1 over all that people annotated of `dev`.

    Trainings are chosen by it: some corpora have few names there, so their mean is coarse.
    """
    human = [one for one in dev if one.source in HUMAN]
    docs = nlp.pipe(one.doc.text for one in human)
    return pooled_f1(human, [[(e.start, e.end, e.label_) for e in doc.ents] for doc in docs])


def _folded(entities: Entities) -> set[tuple[int, int, str]]:
    return {(start, end, COARSE[label]) for start, end, label in entities if label in COARSE}
