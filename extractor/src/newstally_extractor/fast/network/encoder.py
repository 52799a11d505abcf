"""Computes tokens' vectors block by block, in buffers that stay in the processor's cache.

Each layer sees `window` rows on either side, so a block of rows is computed from the block with
that many more on both sides for every layer: no layer needs more than the one before has computed,
and texts of any length take the same buffers.
"""

import numpy as np

from newstally_extractor.fast.network.dense import largest_piece, normalise
from newstally_extractor.fast.network.embedding import EmbeddingTable, Rows
from newstally_extractor.fast.network.parameters import Convolutions, Floats

BLOCK_ROWS = 768
"""Rows computed at once: large enough for the products, small enough for the cache."""


class Encoder:
    """Runs the convolutions over rows of the embedding table."""

    def __init__(self, convolutions: Convolutions, table: EmbeddingTable) -> None:
        self._table = table
        self._window = convolutions.window
        self.padding = convolutions.padding
        """How many rows on either side a row depends on."""
        first = convolutions.layers[0]
        width, rows = first.width, BLOCK_ROWS + 2 * self.padding
        self.width = width
        outputs = first.bias.shape[0]
        self._first = first
        self._later = convolutions.layers[1:]
        self._biases, self.shift = _postponed_shifts(convolutions)
        self._pieces = np.empty((rows, outputs), np.float32)
        self._share = np.empty((rows, outputs), np.float32)
        self._hidden = np.empty((rows, width), np.float32)
        self._inputs = np.empty((rows, width), np.float32)

    def encode(self, rows: Rows, out: Floats) -> None:
        """Compute vectors, (N, O) with N <= BLOCK_ROWS, of the rows from `padding` to -`padding`.

        `rows` are N + 2 * padding rows of the table. The vectors lack `shift`, which whoever
        multiplies them next has to add.
        """
        count = len(rows) - 2 * self._window
        hidden = self._first_layer(rows, count)
        inputs = self._inputs[:count]
        np.take(
            self._table.vectors, rows[self._window : -self._window], axis=0, out=inputs, mode="clip"
        )
        inputs += hidden
        for layer, bias in zip(self._later, self._biases, strict=True):
            count -= 2 * self._window
            pieces = self._pieces[:count]
            self._multiply_windows(inputs, layer.weights, pieces)
            pieces += bias
            hidden = self._hidden[:count]
            largest_piece(pieces, layer.pieces, hidden)
            normalise(hidden, layer.scale)
            hidden += inputs[self._window : -self._window]
            # The sum becomes the next layer's input, and the old input room for the next sum.
            self._hidden, self._inputs = self._inputs, self._hidden
            inputs = hidden
        out[:] = inputs

    def _first_layer(self, rows: Rows, count: int) -> Floats:
        pieces, share = self._pieces[:count], self._share[:count]
        for place, shares in enumerate(self._table.shares):
            at = rows[place : place + count]
            if place == 0:
                np.take(shares, at, axis=0, out=pieces, mode="clip")
            else:
                np.take(shares, at, axis=0, out=share, mode="clip")
                pieces += share
        hidden = self._hidden[:count]
        largest_piece(pieces, self._first.pieces, hidden)
        normalise(hidden, self._first.scale)
        return hidden

    def _multiply_windows(self, inputs: Floats, weights: Floats, out: Floats) -> None:
        """Multiply all windows of rows by weights without laying them out side by side.

        Rows 0, 1, 2 of a contiguous array are one row of three times the width, and rows 3, 4, 5
        the next: so the windows that begin at every third row are a matrix already, and there are
        three such.
        """
        size, width = 2 * self._window + 1, inputs.shape[1]
        flat = inputs.reshape(-1)
        for phase in range(min(size, len(out))):
            count = (len(out) - phase + size - 1) // size
            begin = phase * width
            windows = flat[begin : begin + count * size * width].reshape(count, size * width)
            np.matmul(windows, weights, out=out[phase::size])


def _postponed_shifts(convolutions: Convolutions) -> tuple[list[Floats], Floats]:
    """Return the later layers' biases and what the vectors lack in the end.

    Every layer adds a constant to every row. Left out, it is missing in what the next layers
    multiply, always by the same amount: it goes into their biases.
    """
    size = 2 * convolutions.window + 1
    shift = convolutions.layers[0].shift.astype(np.float64)
    biases = []
    for layer in convolutions.layers[1:]:
        bias = layer.bias + np.tile(shift, size) @ layer.weights.astype(np.float64)
        biases.append(bias.astype(np.float32))
        shift = shift + layer.shift
    return biases, shift.astype(np.float32)
