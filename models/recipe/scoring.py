"""How good entities are on documents with annotation, while something is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from corpora import COARSE
from prepare import Labelled

Entities = Iterable[tuple[int, int, str]]
"""(start, end, label), the ends in tokens."""


def mean_f1(documents: Sequence[Labelled], found: Sequence[Entities]) -> float:
    """Return the mean of the corpora's folded F1, 0 to 100."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for one, entities in zip(documents, found, strict=True):
        gold = _folded((span.start, span.end, span.label_) for span in one.doc.ents)
        own = _folded(entities)
        right[one.source] += 2 * len(gold & own)
        total[one.source] += len(gold) + len(own)
    scores = [100 * right[source] / total[source] for source in total if total[source]]
    return sum(scores) / len(scores) if scores else 0.0


def _folded(entities: Entities) -> set[tuple[int, int, str]]:
    return {(start, end, COARSE[label]) for start, end, label in entities if label in COARSE}
