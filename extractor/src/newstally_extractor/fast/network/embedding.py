"""What the first layer of the encoder makes of a word, kept for the words that are in use.

A word's vector does not depend on its neighbours. Nor does what it adds, as the left neighbour, as
the token itself, and so on, to the first layer's product: a window's product is the sum of its
words' shares. So the table holds those shares, and the first layer is look-ups and additions.
"""

import numpy as np
import numpy.typing as npt
from thinc.api import NumpyOps

from newstally_extractor.fast.network.dense import largest_piece, normalise
from newstally_extractor.fast.network.parameters import (
    Convolutions,
    Embedding,
    Floats,
    StaticVectors,
)
from newstally_extractor.fast.reading.words import PADDING, Features, Integers, Words

_AT_ONCE = 1024
"""Words embedded in one go."""

FEWEST_WORDS = 2048
"""Room that a table always has, however large its rows are."""

Rows = npt.NDArray[np.intp]


class EmbeddingTable:
    """A bounded table of words' vectors and of their shares in the first layer."""

    def __init__(
        self, embedding: Embedding, convolutions: Convolutions, words: Words, size_bytes: int
    ) -> None:
        """`size_bytes`: how large it may get; it has room for FEWEST_WORDS in any case."""
        self._embedding = embedding
        self._words = words
        first = convolutions.layers[0]
        width, window = embedding.mix.width, 2 * convolutions.window + 1
        outputs = first.bias.shape[0]
        self._weights = np.ascontiguousarray(first.weights.reshape(window, width, outputs))
        self.capacity = max(FEWEST_WORDS, size_bytes // (4 * (width + window * outputs)))
        self.vectors: Floats = np.empty((self.capacity, width), np.float32)
        """(capacity, O): row 0 is padding."""
        self.shares: tuple[Floats, ...] = tuple(
            np.empty((self.capacity, outputs), np.float32) for _ in range(window)
        )
        """Per place in the window, (capacity, P * O). The middle one has the layer's bias."""
        self._bias = first.bias
        self._row_of_word = np.zeros(0, np.intp)
        self._used = 0
        self.forget()
        words.on_forget(self.forget)

    def forget(self) -> None:
        """Empty the table."""
        self._row_of_word = np.full(1024, -1, np.intp)
        self._row_of_word[PADDING] = 0
        self._used = 1
        self.vectors[0] = 0
        for share in self.shares:
            share[0] = 0
        self.shares[len(self.shares) // 2][0] = self._bias

    def rows(self, words: Integers) -> Rows:
        """Return the rows of words, fewer than `capacity`; valid until the next call."""
        if len(self._row_of_word) < len(self._words):
            grown = np.full(2 * len(self._words), -1, np.intp)
            grown[: len(self._row_of_word)] = self._row_of_word
            self._row_of_word = grown
        rows = self._row_of_word[words]
        absent = words[rows < 0]
        if len(absent):
            distinct = np.unique(absent)
            if self._used + len(distinct) > self.capacity:
                self.forget()
                return self.rows(words)
            self._fill(distinct)
            rows = self._row_of_word[words]
        return rows

    def _fill(self, words: Integers) -> None:
        for begin in range(0, len(words), _AT_ONCE):
            some = words[begin : begin + _AT_ONCE]
            first, end = self._used, self._used + len(some)
            vectors = embed(self._embedding, self._words, some)
            self.vectors[first:end] = vectors
            for share, weights in zip(self.shares, self._weights, strict=True):
                np.matmul(vectors, weights, out=share[first:end])
            self.shares[len(self.shares) // 2][first:end] += self._bias
            self._row_of_word[some] = np.arange(first, end)
            self._used = end


def embed(embedding: Embedding, words: Words, numbers: Integers) -> Floats:
    """Return words' vectors, (N, O)."""
    features = words.features(numbers)
    ops = NumpyOps()
    parts = []
    for table in embedding.tables:
        values = features[:, words.columns.index(table.attr)]
        keys = ops.hash(np.ascontiguousarray(values), table.seed)
        parts.append(ops.gather_add(table.rows, keys % table.rows.shape[0]))
    if embedding.static is not None:
        column = words.columns.index(embedding.static.attr)
        parts.append(_static(embedding.static, features[:, column]))
    mix = embedding.mix
    pieces = np.concatenate(parts, axis=1) @ mix.weights
    pieces += mix.bias
    out = np.empty((len(numbers), mix.width), np.float32)
    largest_piece(pieces, mix.pieces, out)
    normalise(out, mix.scale)
    out += mix.shift
    return out


def _static(static: StaticVectors, keys: Features) -> Floats:
    rows = static.vectors.find(keys=keys.tolist())
    projected: Floats = np.ascontiguousarray(static.vectors.data[rows]) @ static.projection
    projected[rows < 0] = 0
    return projected
