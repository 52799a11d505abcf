"""What a stage of the recipe made is kept, and taken up when its inputs are the same.

So a run that was cut short goes on where it was, and trainings that differ only late share what
comes before. A stage's file is named by a digest of what goes into it, and is there only if whole.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from prepare import INCORRECT_SPANS
from selftraining import Labeller
from spacy.tokens import Doc
from tags import Floats

_DIGITS = 16
"""Of a digest, in file names."""


class Stages:
    """A folder of what stages made, and of how long each took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def kept(self, name: str, inputs: str, make: Callable[[Path], object]) -> Path:
        """Return the file or folder that `make` wrote for these inputs, in this run or before."""
        path = self.folder / f"{name}-{inputs[:_DIGITS]}"
        if path.exists():
            print(f"{path.name}: taken up", flush=True)
            return path
        started = time.monotonic()
        partial = path.with_name(f"{path.name}.partial")
        make(partial)
        partial.rename(path)
        minutes = (time.monotonic() - started) / 60
        with (self.folder / "times.jsonl").open("a", encoding="utf-8") as lines:
            print(json.dumps({"stage": path.name, "minutes": round(minutes, 1)}), file=lines)
        print(f"{path.name}: made in {minutes:.1f} minutes", flush=True)
        return path


class Remembering:
    """A labeller that labels the same documents once."""

    def __init__(self, labeller: Labeller, stages: Stages, identity: str) -> None:
        """`identity`: a digest of what the labeller has learnt from."""
        self._labeller = labeller
        self._stages = stages
        self._identity = identity

    def probabilities(self, docs: Iterable[Doc]) -> Iterator[Floats]:
        """Yield the tags' log-probabilities of each document, to three digits."""
        read = list(docs)

        def write(path: Path) -> None:
            found = [scores.astype(np.float16) for scores in self._labeller.probabilities(read)]
            with path.open("wb") as file:
                np.save(file, np.concatenate(found) if found else np.zeros((0, 0), np.float16))

        path = self._stages.kept("said", digest(self._identity, digest_of_words(read)), write)
        every = np.load(path)
        ends = np.cumsum([len(doc) for doc in read])
        for doc, end in zip(read, ends, strict=True):
            yield every[end - len(doc) : end].astype(np.float32)


def digest(*parts: object) -> str:
    """Return a digest of what the parts look like."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()


def digest_of_words(docs: Iterable[Doc]) -> str:
    """Return a digest of the documents' words alone."""
    whole = hashlib.sha256()
    for doc in docs:
        whole.update(json.dumps([token.text for token in doc]).encode())
    return whole.hexdigest()


def digest_of(docs: Iterable[Doc]) -> str:
    """Return a digest of the documents' words and of what is known of them."""
    whole = hashlib.sha256()
    for doc in docs:
        spans = doc.spans.get(INCORRECT_SPANS, ())
        known = [
            [token.text for token in doc],
            [(entity.start, entity.end, entity.label_) for entity in doc.ents],
            [token.i for token in doc if not token.ent_iob_],
            [(span.start, span.end, span.label_) for span in spans],
        ]
        whole.update(json.dumps(known).encode())
    return whole.hexdigest()


def digest_of_arrays(arrays: Iterable[np.ndarray[Any, Any]]) -> str:
    """Return a digest of the arrays' values."""
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()
