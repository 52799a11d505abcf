"""The documents kept back from training, for choosing between models."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from corpora import TRAIN, Document, read
from prepare import is_dev

HUMAN = ("docred", "crossner", "gum", "wikigold", "uner_ewt")
"""Corpora annotated by people. Models are chosen by them: what a machine annotated says little."""


def kept_back(corpora: Path) -> dict[str, list[Document]]:
    """Return the documents kept back, by corpus.

    Raises CorporaError if the corpora are not there.
    """
    documents: defaultdict[str, list[Document]] = defaultdict(list)
    for split in TRAIN:
        for document in read(corpora, split):
            if is_dev(document.doc_id):
                documents[document.source].append(document)
    return dict(documents)
