"""Scores the moves of many decoder states at once.

A state outside an entity looks at its token only; a state inside one looks at its token and at the
entity's tokens so far. Neither depends on anything else that was decided before. So all tokens can
be scored as if they were outside, together, before anything is decided.
"""

import numpy as np

from newstally_extractor.fast.network.dense import largest_piece
from newstally_extractor.fast.network.moves import Moves
from newstally_extractor.fast.network.parameters import Floats, Scorer
from newstally_extractor.fast.reading.words import Integers


class Scores:
    """The scorer's layers, with all that is linear in a token's vector multiplied out."""

    def __init__(self, scorer: Scorer, moves: Moves, shift: Floats) -> None:
        """`shift` is what the token vectors lack."""
        project = scorer.project.astype(np.float64)
        bias = scorer.project_bias + shift.astype(np.float64) @ project
        weights = np.einsum("ih,fho->fio", project, scorer.lower)
        biases = np.einsum("h,fho->fo", bias, scorer.lower)
        self.looks_at = len(scorer.lower)
        """How many tokens a state looks at: 3 or 6."""
        self._pieces = scorer.pieces
        self._upper, self._upper_bias = scorer.upper, scorer.upper_bias
        self._moves = moves
        self._weights: Floats = weights.astype(np.float32)
        # What a token brings compared with one that is missing.
        self._present: Floats = (biases - scorer.missing).astype(np.float32)
        missing = scorer.lower_bias + scorer.missing[1:].sum(axis=0, dtype=np.float64)
        outside = weights[0], biases[0] + missing
        self._empty: Floats = outside[1].astype(np.float32)
        width = scorer.lower.shape[2] // scorer.pieces
        kept = np.arange(width) if scorer.upper is not None else moves.outside
        columns = np.concatenate([kept + piece * width for piece in range(scorer.pieces)])
        self._outside_weights = np.ascontiguousarray(outside[0][:, columns].T, np.float32)
        self._outside_bias = outside[1][columns].astype(np.float32)[:, None]
        if scorer.upper is not None and scorer.upper_bias is not None:
            self._outside_upper = np.ascontiguousarray(scorer.upper[:, moves.outside].T)
            self._outside_upper_bias = scorer.upper_bias[moves.outside][:, None]

    def outside(self, vectors: Floats) -> Floats:
        """Return the scores of the moves outside an entity, (classes of Moves.outside, N).

        A row per class, because what is done next with them is done class by class.
        """
        pieces = self._outside_weights @ vectors.T
        pieces += self._outside_bias
        rows = len(pieces) // self._pieces
        hidden = pieces[:rows]
        for piece in range(1, self._pieces):
            np.maximum(hidden, pieces[piece * rows : (piece + 1) * rows], out=hidden)
        if self._upper is None:
            return hidden
        scores: Floats = self._outside_upper @ hidden
        scores += self._outside_upper_bias
        return scores

    def inside(
        self, vectors: Floats, starts: Integers, at: Integers, labels: Integers
    ) -> tuple[Floats, Floats]:
        """Return the scores of I and of L, each (N,), of states inside an entity.

        `starts` are the entities' first tokens, `at` the states' tokens, behind them; all are rows
        of `vectors`.
        """
        pieces = vectors[at] @ self._weights[0]
        pieces += self._empty
        for feature, token in enumerate(self._looked_at(starts, at), start=1):
            there = token < at
            share = vectors[np.minimum(token, at)] @ self._weights[feature]
            share += self._present[feature]
            share *= there[:, None]
            pieces += share
        hidden = np.empty((len(at), pieces.shape[1] // self._pieces), np.float32)
        largest_piece(pieces, self._pieces, hidden)
        if self._upper is not None:
            hidden = hidden @ self._upper
            hidden += self._upper_bias
        rows = np.arange(len(at))
        return hidden[rows, self._moves.inside[labels]], hidden[rows, self._moves.last[labels]]

    def _looked_at(self, starts: Integers, at: Integers) -> list[Integers]:
        if self.looks_at == 3:
            return [starts, at - 1]
        return [starts + offset for offset in range(5)]
