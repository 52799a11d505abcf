"""Decides where entities are, as spaCy's greedy decoder does, without going token by token.

First every token is given its best move as if no entity were open before it. Where that begins an
entity, the entity is followed to its end, all entities abreast. What was begun inside of another
entity is dropped in the end: only then is it known that it never happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newstally_extractor.fast.moves import Moves
from newstally_extractor.fast.parameters import Floats
from newstally_extractor.fast.scores import Scores
from newstally_extractor.fast.words import Integers

_STEPS_ABREAST = 8
"""Longer entities are followed only when it is known that they are begun at all."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """Entities that are begun or consist of one token, if nothing is open before them."""

    starts: Integers
    """(E,) their first tokens, ascending."""
    labels: Integers
    """(E,)"""
    alone: Flags
    """(E,) the ones that consist of one token."""

    def moved(self, rows: int) -> "Begun":
        """Return them that many rows further on."""
        return Begun(self.starts + rows, self.labels, self.alone)

    @staticmethod
    def joined(parts: Sequence["Begun"]) -> "Begun":
        """Put several together, in order."""
        none = Begun(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_))
        every = [none, *parts]
        return Begun(
            np.concatenate([part.starts for part in every]),
            np.concatenate([part.labels for part in every]),
            np.concatenate([part.alone for part in every]),
        )


class Decoder:
    """Finds the entities in rows of token vectors, between which there are rows of padding."""

    def __init__(self, scores: Scores, moves: Moves) -> None:
        self._scores = scores
        self._moves = moves

    def begun(self, vectors: Floats, unfit: Flags, bounded: Flags) -> Begun:
        """Find what the rows' best moves begin.

        `unfit` rows cannot begin an entity: white space and padding. `bounded` rows cannot go on to
        the next: the last of their text or of their sentence.
        """
        moves = self._moves
        scores = self._scores.outside(vectors)
        none = scores[moves.none].copy()
        scores[moves.none] = -np.inf
        tempted = np.flatnonzero((scores.max(axis=0) >= none) & ~unfit)
        scores[moves.none] = none
        some = scores[:, tempted]
        some[np.ix_(moves.begins, bounded[tempted])] = -np.inf
        best = some.argmax(axis=0)
        taken = best != moves.none
        best = best[taken]
        return Begun(tempted[taken], moves.label[best], ~moves.begins[best])

    def ends(self, begun: Begun, vectors: Floats, bounded: Flags) -> Integers:
        """Return the ends of entities, behind their last token; -1: too long to tell here."""
        ends = np.where(begun.alone, begun.starts + 1, -1)
        open_ = np.flatnonzero(~begun.alone)
        for step in range(1, _STEPS_ABREAST + 1):
            if not len(open_):
                break
            at = begun.starts[open_] + step
            is_last = self._is_last(vectors, begun.starts[open_], at, begun.labels[open_], bounded)
            ends[open_[is_last]] = at[is_last] + 1
            open_ = open_[~is_last]
        return ends

    def follow(self, start: int, label: int, vectors: Floats, bounded: Flags) -> int:
        """Return the end of one entity that was too long for `ends`."""
        begin, size = start + _STEPS_ABREAST + 1, 64
        while True:
            at = np.arange(begin, min(begin + size, len(bounded)))
            same = np.full(len(at), start), np.full(len(at), label)
            is_last = self._is_last(vectors, same[0], at, same[1], bounded)
            if is_last.any():
                return int(at[is_last.argmax()]) + 1
            begin, size = begin + size, min(2 * size, 4096)

    def _is_last(
        self, vectors: Floats, starts: Integers, at: Integers, labels: Integers, bounded: Flags
    ) -> Flags:
        goes_on, ends = self._scores.inside(vectors, starts, at, labels)
        wins = np.where(
            self._moves.inside[labels] < self._moves.last[labels], ends > goes_on, ends >= goes_on
        )
        flags: Flags = wins | bounded[at]
        return flags
