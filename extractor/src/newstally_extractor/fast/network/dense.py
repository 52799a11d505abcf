"""The arithmetic that all layers share."""

import numpy as np

from newstally_extractor.fast.network.parameters import Floats

_EPSILON = np.float32(1e-8)
"""What thinc adds to a variance."""


def largest_piece(pieces: Floats, count: int, out: Floats) -> None:
    """Write the largest of `count` pieces that lie side by side: (N, P * O) to (N, O)."""
    width = out.shape[1]
    if count == 1:
        out[:] = pieces
        return
    np.maximum(pieces[:, :width], pieces[:, width : 2 * width], out=out)
    for piece in range(2, count):
        np.maximum(out, pieces[:, piece * width : (piece + 1) * width], out=out)


def normalise(rows: Floats, scale: Floats) -> None:
    """Give each row mean 0 and variance 1, and scale it, in place: (N, O) with (O,).

    What a layer adds to it afterwards is left to the caller.
    """
    width = rows.shape[1]
    mean = rows @ np.full(width, 1 / width, np.float32)
    rows -= mean[:, None]
    deviation = np.vecdot(rows, rows)
    deviation *= np.float32(1 / width)
    deviation += _EPSILON
    np.sqrt(deviation, out=deviation)
    np.reciprocal(deviation, out=deviation)
    rows *= deviation[:, None]
    rows *= scale
