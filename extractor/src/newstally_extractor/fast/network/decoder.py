"""Decides where entities are, as spaCy's greedy decoder does, without going token by token.

First every token is given its best move as if no entity were open before it. Where that begins an
entity, the entity is followed to its end, all entities abreast. What was begun inside of another
entity is dropped in the end: only then is it known that it never happened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newstally_extractor.fast.network.moves import Moves
from newstally_extractor.fast.network.parameters import Floats
from newstally_extractor.fast.network.scores import Scores
from newstally_extractor.fast.reading.words import Integers

_STEPS_ABREAST = 8
"""Longer entities are followed only when it is known that they are begun at all."""

_CLOSE = 5e-6
"""Scores are close when they differ by less than this share of them plus 5, at least.

The same scores computed by spaCy and here, in another order of additions, differ by 9e-6 at most
where they reach 17 in the default model: decisions between close ones can fall either way.
"""

_MARGIN = 6
"""Scores are close, too, when they differ by less than so many times the largest difference that
was measured, on far fewer tokens than will be read."""

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
    doubtful: Integers
    """(D,) tokens whose best move is hardly better than the next."""

    def moved(self, rows: int) -> "Begun":
        """Return them that many rows further on."""
        return Begun(self.starts + rows, self.labels, self.alone, self.doubtful + rows)

    @staticmethod
    def joined(parts: Sequence["Begun"]) -> "Begun":
        """Put several together, in order."""
        empty = np.zeros(0, np.int64)
        none = Begun(empty, empty, np.zeros(0, np.bool_), empty)
        every = [none, *parts]
        return Begun(
            np.concatenate([part.starts for part in every]),
            np.concatenate([part.labels for part in every]),
            np.concatenate([part.alone for part in every]),
            np.concatenate([part.doubtful for part in every]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where entities end."""

    ends: Integers
    """(E,) behind their last token; -1: too long to tell yet."""
    doubtful: Integers
    """(D,) tokens of which it is hardly decided whether they are the last."""


class Decoder:
    """Finds the entities in rows of token vectors, between which there are rows of padding."""

    def __init__(self, scores: Scores, moves: Moves) -> None:
        self._scores = scores
        self._moves = moves
        self._rounding = 0.0

    def allow_for_rounding(self, largest: float) -> None:
        """Take scores for close accordingly; `largest` as from `measure_rounding`."""
        self._rounding = largest

    def begun(self, vectors: Floats, unfit: Flags, bounded: Flags) -> Begun:
        """Find what the rows' best moves begin.

        `unfit` rows cannot begin an entity: white space and padding. `bounded` rows cannot go on to
        the next: the last of their text or of their sentence.
        """
        moves = self._moves
        scores = self._scores.outside(vectors)
        none = scores[moves.none].copy()
        scores[moves.none] = -np.inf
        others = scores.max(axis=0)
        # Said the other way round, so that what is not a number is doubtful.
        tempted = np.flatnonzero(~(others < none - self._closeness(none)) & ~unfit)
        scores[moves.none] = none
        some = scores[:, tempted]
        some[np.ix_(moves.begins, bounded[tempted])] = -np.inf
        best, every = some.argmax(axis=0), np.arange(len(tempted))
        top = some[best, every]
        some[best, every] = -np.inf
        doubtful = tempted[~(top - some.max(axis=0) >= self._closeness(top))]
        taken = best != moves.none
        best = best[taken]
        return Begun(tempted[taken], moves.label[best], ~moves.begins[best], doubtful)

    def ends(self, begun: Begun, vectors: Floats, bounded: Flags) -> Ends:
        """Find where entities end, unless they are too long; `bounded` as in `begun`."""
        ends = np.where(begun.alone, begun.starts + 1, -1)
        open_ = np.flatnonzero(~begun.alone)
        doubtful = [np.zeros(0, np.int64)]
        for step in range(1, _STEPS_ABREAST + 1):
            if not len(open_):
                break
            at = begun.starts[open_] + step
            is_last, close = self._is_last(
                vectors, begun.starts[open_], at, begun.labels[open_], bounded
            )
            doubtful.append(at[close])
            ends[open_[is_last]] = at[is_last] + 1
            open_ = open_[~is_last]
        return Ends(ends, np.concatenate(doubtful))

    def follow(
        self, start: int, label: int, vectors: Floats, bounded: Flags
    ) -> tuple[int, Integers]:
        """Return the end of one entity that was too long for `ends`, and its doubtful tokens."""
        begin, size = start + _STEPS_ABREAST + 1, 64
        # No entity goes on behind a bound, and rows behind the last one hold no vectors.
        bound = begin + int(bounded[begin:].argmax())
        doubtful = [np.zeros(0, np.int64)]
        while True:
            at = np.arange(begin, min(begin + size, bound + 1))
            same = np.full(len(at), start), np.full(len(at), label)
            is_last, close = self._is_last(vectors, same[0], at, same[1], bounded)
            decided = int(is_last.argmax()) + 1 if is_last.any() else len(at)
            doubtful.append(at[:decided][close[:decided]])
            if is_last.any():
                return int(at[decided - 1]) + 1, np.concatenate(doubtful)
            begin, size = begin + size, min(2 * size, 4096)

    def _is_last(
        self, vectors: Floats, starts: Integers, at: Integers, labels: Integers, bounded: Flags
    ) -> tuple[Flags, Flags]:
        """Say of which tokens their entity ends with them, and of which that is hardly decided."""
        goes_on, ends = self._scores.inside(vectors, starts, at, labels)
        wins = np.where(
            self._moves.inside[labels] < self._moves.last[labels], ends > goes_on, ends >= goes_on
        )
        close = ~(np.abs(ends - goes_on) >= self._closeness(ends)) & ~bounded[at]
        return wins | bounded[at], close

    def _closeness(self, scores: Floats) -> Floats:
        limit: Floats = np.float32(max(_CLOSE, _MARGIN * self._rounding)) * (5 + np.abs(scores))
        return limit
