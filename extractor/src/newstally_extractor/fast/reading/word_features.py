"""Reads from spaCy's documents what the model can tell of their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.attrs import IDX, ORTH, SENT_START
from spacy.tokens import Doc

from newstally_extractor.fast.reading.words import Features, Integers


@dataclass(frozen=True, slots=True, eq=False)
class DocFeatures:
    """One document's tokens."""

    features: Features
    """(N, columns) as Words has them."""
    orths: npt.NDArray[np.uint64]
    """(N,) the hash of how each is written."""
    starts: Integers
    """(N,) each token's first character."""
    begins_sentence: npt.NDArray[np.bool_]
    """(N,) the tokens that a component has marked so."""


def read_features(doc: Doc, columns: Sequence[int]) -> DocFeatures:
    """Read a document's tokens."""
    array: Any = doc.to_array([*columns, ORTH, IDX, SENT_START])
    return DocFeatures(
        features=array[:, :-3],
        orths=array[:, -3],
        starts=array[:, -2].astype(np.int64),
        begins_sentence=array[:, -1] == 1,
    )
