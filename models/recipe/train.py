"""Train the default model: `python models/recipe/train.py` from the root of the repository.

Prepares the texts, trains by `config.cfg`, and puts the best model by the development texts into
the package `en_newstally`, stripped of every word it has seen. Takes one thread; pin the numeric
libraries to it (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import augment  # noqa: F401  (registers the augmenter that config.cfg names)
import labels  # noqa: F401  (registers the labels that config.cfg names)
import spacy
from corpora import CorporaError
from prepare import add_arguments, prepare
from spacy import util
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from thinc.api import NumpyOps, set_current_ops

RECIPE = Path(__file__).resolve().parent
PACKAGE = RECIPE.parent / "src" / "en_newstally"
VERSION = "0.1.0"

META = {
    "name": "newstally",
    "version": VERSION,
    "description": "Named entities of English news: small, for CPU.",
    "author": "The Newstally authors",
    "license": "CC BY-SA 4.0",
    "spacy_version": ">=3.8,<3.9",
}


def train_model(train_path: Path, dev_path: Path, work: Path, *, max_steps: int | None) -> Path:
    """Train by `config.cfg`, writing into `work`, and return the folder of the best model."""
    overrides: dict[str, Any] = {"paths.train": str(train_path), "paths.dev": str(dev_path)}
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
    config["paths"] = {"train": None, "dev": None}
    config["corpora"]["train"]["path"] = config["corpora"]["dev"]["path"] = None
    config["initialize"]["components"] = {}
    nlp = util.load_model_from_config(config, auto_fill=True)
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


def main() -> None:
    """Parse the command line, train, and write the package."""
    parser = argparse.ArgumentParser(description="Train the default model of Newstally.")
    add_arguments(parser)
    parser.add_argument(
        "--max-steps", type=int, default=None, help="steps to train instead of config.cfg's"
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
            paths = prepare(args.corpora, work, without=args.without, limit=args.limit)
        except CorporaError as error:
            parser.error(str(error))
        publish(train_model(*paths, work, max_steps=args.max_steps), args.package)
    print(f"{args.package}: trained in {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
