"""The actions of the transition system, so that every run has the same ones in the same order."""

from __future__ import annotations

from corpora import LABELS
from spacy.util import registry

_MISSING, _BEGIN, _IN, _LAST, _UNIT, _OUT = range(6)
"""spaCy's numbers of the moves of its NER."""


@registry.readers("newstally.labels.v1")  # type: ignore[untyped-decorator]
def read_labels() -> dict[int, dict[str, int]]:
    """Return what `ner.initialize` takes as labels: per move its labels with their rank.

    Without it a slice of the texts that lacks a label would give a model that lacks it too.
    """
    ranked = {label: len(LABELS) - rank for rank, label in enumerate(LABELS)}
    # The empty label: "not an entity" (out), and "barred from being one" (unit).
    return {
        _MISSING: {},
        _BEGIN: ranked,
        _IN: ranked,
        _LAST: ranked,
        _UNIT: {**ranked, "": 1},
        _OUT: {"": 1},
    }
