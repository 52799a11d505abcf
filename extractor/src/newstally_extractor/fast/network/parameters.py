"""A pipeline's parameters as plain arrays, in the layouts that the fast path multiplies with.

Shapes are named I (width in), O (width out), P (maxout pieces), C (classes of the decoder),
F (tokens a decoder state looks at). Everything is float32 and C-contiguous.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from spacy.vectors import Vectors

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Maxout:
    """A dense layer of P pieces, of which the largest counts, normalised over its width."""

    weights: Floats
    """(I, P * O): all of the first piece, then all of the second, ..."""
    bias: Floats
    """(P * O,)"""
    pieces: int
    scale: Floats
    """(O,) of the normalisation."""
    shift: Floats
    """(O,) of the normalisation."""

    @property
    def width(self) -> int:
        """O."""
        return int(self.scale.shape[0])


@dataclass(frozen=True, slots=True, eq=False)
class HashTable:
    """Rows of which a feature's value picks four, by hash, to be summed."""

    attr: int
    """The lexical attribute whose values are hashed; several tables may have the same."""
    seed: int
    rows: Floats
    """(V, O)"""


@dataclass(frozen=True, slots=True, eq=False)
class StaticVectors:
    """Vectors made before the training, projected."""

    attr: int
    """The lexical attribute that is the vectors' key."""
    vectors: Vectors
    projection: Floats
    """(M, O)"""


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """From a word's features to its vector, regardless of its neighbours."""

    attrs: tuple[int, ...]
    tables: tuple[HashTable, ...]
    static: StaticVectors | None
    mix: Maxout
    """Takes what the tables give, side by side, and then the static vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class Convolutions:
    """From words' vectors to tokens' vectors: residual layers over a window."""

    window: int
    """How many neighbours on either side a layer sees."""
    layers: tuple[Maxout, ...]
    """Each with I = (2 * window + 1) * O, from the leftmost neighbour to the rightmost."""

    @property
    def padding(self) -> int:
        """Rows of zeros that spaCy puts before, between and after texts."""
        return self.window * len(self.layers)


@dataclass(frozen=True, slots=True, eq=False)
class Scorer:
    """From the tokens a state looks at to the scores of its moves."""

    project: Floats
    """(I, H): of a token's vector, before anything else."""
    project_bias: Floats
    """(H,)"""
    lower: Floats
    """(F, H, P * O): each looked-at token's share in the hidden layer, pieces one after another."""
    lower_bias: Floats
    """(P * O,)"""
    missing: Floats
    """(F, P * O): the share of a token that is not there."""
    pieces: int
    upper: Floats | None
    """(O, C). None: the hidden layer has the scores themselves, and O is C."""
    upper_bias: Floats | None
    """(C,)"""

    @property
    def classes(self) -> int:
        """C."""
        if self.upper is not None:
            return int(self.upper.shape[1])
        return int(self.lower.shape[2]) // self.pieces


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """All of it."""

    embedding: Embedding
    convolutions: Convolutions
    scorer: Scorer
