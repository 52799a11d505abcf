"""Entities as one tag per token (O, B-PERSON, I-PERSON, ...), as the teacher has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from corpora import LABELS
from prepare import INCORRECT_SPANS
from spacy.tokens import Doc

TAGS = ("O", *(f"{prefix}-{label}" for label in LABELS for prefix in "BI"))

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float32]]
Probabilities = np.ndarray[Any, np.dtype[np.float16]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

_ROOM = 1e-6
"""Probability that an allowed tag has at least: a teacher may rule out what people said."""

_BEGIN = {label: 1 + 2 * rank for rank, label in enumerate(LABELS)}


def allowed(doc: Doc) -> Flags:
    """Return which tags (columns) each token (row) may have by the annotation of `doc`.

    An annotated token has one. One that is missing may have all, but those of labels that are known
    to be wrong there (see prepare.py).
    """
    flags = np.zeros((len(doc), len(TAGS)), dtype=np.bool_)
    for token in doc:
        if not token.ent_iob_:
            flags[token.i] = True
        elif token.ent_iob_ == "O":
            flags[token.i, 0] = True
        else:
            flags[token.i, _BEGIN[token.ent_type_] + (token.ent_iob_ == "I")] = True
    for span in doc.spans.get(INCORRECT_SPANS, ()):
        if len(span) == 1:
            begin = _BEGIN[span.label_]
            flags[span.start, begin : begin + 2] = False
    return flags


def probable(scores: Floats, flags: Flags | None) -> Probabilities:
    """Return the tags' probabilities (tokens by tags) by their logarithms.

    If `flags` are given, of those tags only that they allow.
    """
    found = np.exp(scores)
    if flags is not None:
        found = (found + _ROOM) * flags
    whole: Probabilities = (found / found.sum(axis=1, keepdims=True)).astype(np.float16)
    return whole


def best_path(scores: Floats) -> Integers:
    """Return the best sequence of tags by their log-probabilities (tokens by tags).

    In it no I- stands without its B- or I- before it.
    """
    tokens = len(scores)
    best = scores[0] + np.where(_CAN_OPEN, 0.0, -np.inf)
    back = np.zeros((tokens, len(TAGS)), dtype=np.int64)
    for i in range(1, tokens):
        reached = best[:, None] + _CAN_FOLLOW
        back[i] = reached.argmax(axis=0)
        best = reached.max(axis=0) + scores[i]
    path = np.zeros(tokens, dtype=np.int64)
    path[-1] = best.argmax()
    for i in range(tokens - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def spans(path: Sequence[int] | Integers) -> Iterator[tuple[int, int, str]]:
    """Yield the entities of a path as (start, end, label), the ends in tokens."""
    start, label = 0, ""
    for i, tag in enumerate([*(int(tag) for tag in path), 0]):
        if tag == 0 or tag % 2 == 1:
            if label:
                yield start, i, label
            start, label = i, (LABELS[(tag - 1) // 2] if tag else "")


_CAN_OPEN = np.array([not tag.startswith("I-") for tag in TAGS])
_CAN_FOLLOW = np.array(
    [
        [
            0.0 if not after.startswith("I-") or before[1:] == after[1:] else -np.inf
            for after in TAGS
        ]
        for before in TAGS
    ]
)
