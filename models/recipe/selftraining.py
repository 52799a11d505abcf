"""Let a teacher correct machine-made labels, and label texts that nobody did.

So it is known where names are, for others to be put in their places (see invented.py). Of articles
the small model learns what the teacher says of each word, not these labels; see texts.py.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import spacy
from corpora import DEFAULT_CORPORA, HELD_OUT, read
from prepare import Labelled
from spacy.tokens import Doc, Span
from tags import Floats, best_path, spans

SILVER = frozenset({"gmb_clean"})
"""Corpora labelled by machines: the teacher learns from a part of them, and corrects all."""

ARTICLES = "articles"
"""The source of the texts that only the teacher labelled."""

SILVER_SHARE = 0.15
"""Share of the silver documents that the teacher learns from."""

SURE = 0.7
"""Probability from which a label of the teacher's counts."""

SURE_AGAINST = 0.9
"""Probability from which it counts against the label that is there."""

DEFAULT_ARTICLES = DEFAULT_CORPORA.parent / "articles" / "articles.jsonl.gz"

_LEFT_OUT = frozenset({"Voice of America"})
"""Publications whose texts are in the corpora already."""

_SEED = 7
_SHINGLE = 8
"""Words in a row that two texts share only if one is a copy of the other."""


class Labeller(Protocol):
    """What is asked of a teacher."""

    def probabilities(self, docs: Iterable[Doc]) -> Iterator[Floats]:
        """Yield the tags' log-probabilities of each document: tokens by tags."""
        ...


def lessons(train: Sequence[Labelled]) -> list[Doc]:
    """Return what the teacher learns from: all that people annotated, and a part of the silver."""
    draw = random.Random(_SEED)
    return [
        labelled.doc
        for labelled in train
        if labelled.source not in SILVER or draw.random() < SILVER_SHARE
    ]


def corrected(train: Sequence[Labelled], teacher: Labeller) -> Iterator[Labelled]:
    """Yield `train`, the silver documents corrected by the teacher."""
    silver = [labelled.doc for labelled in train if labelled.source in SILVER]
    scores = teacher.probabilities(silver)
    for labelled in train:
        if labelled.source in SILVER:
            yield Labelled(labelled.source, correct(labelled.doc, next(scores)))
        else:
            yield labelled


def correct(doc: Doc, scores: Floats) -> Doc:
    """Return `doc` with the teacher's labels where it is sure enough of them.

    Where both say the same it stays; where they differ, or nothing was annotated, the teacher's
    stands if it is sure.
    """
    there = {(span.start, span.end, span.label_) for span in doc.ents}
    missing = {token.i for token in doc if not token.ent_iob_}

    def counts(span: tuple[int, int, str], sure: float) -> bool:
        known = not missing.intersection(range(span[0], span[1]))
        return span in there or sure >= (SURE_AGAINST if known else SURE)

    return _annotated(doc, [span for span, sure in _taught(scores).items() if counts(span, sure)])


def label(doc: Doc, scores: Floats) -> Doc:
    """Return `doc` with the labels of the teacher that it is sure of."""
    return _annotated(doc, [span for span, sure in _taught(scores).items() if sure >= SURE])


def articles(path: Path, corpora: Path, per_publication: int) -> list[str]:
    """Return texts of at most `per_publication` articles of each publication, in a fixed order.

    Articles with a passage of a text to measure on are left out.
    """
    held_out: set[tuple[str, ...]] = set()
    for split in HELD_OUT:
        if (corpora / f"{split}.jsonl.gz").is_file():
            for document in read(corpora, split):
                held_out.update(_shingles(document.text))
    by_publication: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            article = json.loads(line)
            if article["publication"] not in _LEFT_OUT:
                digest = hashlib.sha256(article["id"].encode()).hexdigest()
                by_publication[article["publication"]].append((digest, article["content"]))
    chosen: list[str] = []
    for _, found in sorted(by_publication.items()):
        texts = [text for _, text in sorted(found)]
        fresh = (text for text in texts if held_out.isdisjoint(_shingles(text)))
        chosen += [text for text, _ in zip(fresh, range(per_publication), strict=False)]
    return chosen


def labelled_articles(texts: Iterable[str], teacher: Labeller) -> Iterator[Labelled]:
    """Yield the texts as the teacher labels them."""
    nlp = spacy.blank("en")
    docs = [nlp.make_doc(text) for text in texts]
    for doc, scores in zip(docs, teacher.probabilities(docs), strict=True):
        yield Labelled(ARTICLES, label(doc, scores))


def _taught(scores: Floats) -> dict[tuple[int, int, str], float]:
    """Return the teacher's entities, each with the probability of its least probable token."""
    if len(scores) == 0:
        return {}
    path = best_path(scores)
    chosen = np.exp(scores[np.arange(len(path)), path])
    return {(start, end, name): float(chosen[start:end].min()) for start, end, name in spans(path)}


def _annotated(doc: Doc, entities: Sequence[tuple[int, int, str]]) -> Doc:
    copy = Doc(
        doc.vocab,
        words=[token.text for token in doc],
        spaces=[bool(token.whitespace_) for token in doc],
    )
    copy.set_ents([Span(copy, *entity) for entity in entities], default="outside")
    return copy


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    words = text.split()
    return zip(*(words[i:] for i in range(_SHINGLE)), strict=False)
