"""From rows of words to spans of rows that are entities."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from newstally_extractor.fast.network.decoder import Begun, Decoder
from newstally_extractor.fast.network.embedding import EmbeddingTable, Rows
from newstally_extractor.fast.network.encoder import BLOCK_ROWS, Encoder
from newstally_extractor.fast.network.layout import Layout
from newstally_extractor.fast.network.moves import Moves
from newstally_extractor.fast.network.parameters import Floats, Parameters
from newstally_extractor.fast.network.scores import Scores
from newstally_extractor.fast.reading.words import Integers, Words

Span = tuple[int, int, int]
"""First row, the one behind the last, number of the label."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in rows."""

    spans: list[Span]
    """The entities, in order."""
    doubtful: Integers
    """(D,) rows where scores were so close that spaCy may have decided otherwise."""


_KEPT_ROWS = 64 * 1024
"""Rows of vectors for which memory is kept from one call to the next."""


class Recognizer:
    """The model: embedding, encoder and decoder."""

    def __init__(
        self, parameters: Parameters, moves: Moves, words: Words, table_bytes: int
    ) -> None:
        """`table_bytes`: how much memory the table of words' embeddings may take."""
        convolutions = parameters.convolutions
        self._table = EmbeddingTable(parameters.embedding, convolutions, words, table_bytes)
        self._encoder = Encoder(convolutions, self._table)
        self.scores = Scores(parameters.scorer, moves, self._encoder.shift)
        self.moves = moves
        self._decoder = Decoder(self.scores, moves)
        self._vectors: Floats = np.empty((0, self._encoder.width), np.float32)

    @property
    def padding(self) -> int:
        """Rows of padding needed before, between and after texts."""
        return self._encoder.padding

    def allow_for_rounding(self, largest: float) -> None:
        """Take scores for close accordingly; `largest` as from `measure_rounding`."""
        self._decoder.allow_for_rounding(largest)

    def vectors(self, layout: Layout) -> Floats:
        """Return the rows' vectors, (R, O), as `scores` takes them; 0 for the outermost padding."""
        vectors: Floats = np.zeros((len(layout.words), self._encoder.width), np.float32)
        for _ in self._encode(layout, vectors):
            pass
        return vectors

    def find(self, layout: Layout) -> Found:
        """Find the entities."""
        vectors = self._room(len(layout.words))
        begun = Begun.joined(
            [
                self._decoder.begun(
                    vectors[begin:end], layout.unfit[begin:end], layout.bounded[begin:end]
                ).moved(begin)
                for begin, end in self._encode(layout, vectors)
            ]
        )
        return self._choose(begun, vectors, layout)

    def _encode(self, layout: Layout, out: Floats) -> Iterator[tuple[int, int]]:
        """Compute vectors block by block, and yield which rows have just been computed."""
        padding = self._encoder.padding
        for begin, rows in self._table_rows(layout):
            for first in range(0, len(rows) - 2 * padding, BLOCK_ROWS):
                block = rows[first : first + BLOCK_ROWS + 2 * padding]
                computed = begin + first, begin + first + len(block) - 2 * padding
                self._encoder.encode(block, out[slice(*computed)])
                yield computed

    def _table_rows(self, layout: Layout) -> Iterator[tuple[int, Rows]]:
        """Yield rows of the table, with padding on both sides, from that row of the layout on."""
        padding = self._encoder.padding
        # Padding takes a row of the table, too, even if none of these rows is padding.
        step = self._table.capacity - 1 - 2 * padding
        for begin in range(padding, len(layout.words) - padding, step):
            end = min(begin + step, len(layout.words) - padding)
            yield begin, self._table.rows(layout.words[begin - padding : end + padding])

    def _choose(self, begun: Begun, vectors: Floats, layout: Layout) -> Found:
        """Keep what is begun outside of the entities before it."""
        ended = self._decoder.ends(begun, vectors, layout.bounded)
        doubtful = [begun.doubtful, ended.doubtful]
        chosen: list[Span] = []
        behind = 0
        for start, end, label in zip(
            begun.starts.tolist(), ended.ends.tolist(), begun.labels.tolist(), strict=True
        ):
            if start < behind:
                continue
            behind = end
            if end < 0:
                behind, close = self._decoder.follow(start, label, vectors, layout.bounded)
                doubtful.append(close)
            chosen.append((start, behind, label))
        return Found(chosen, np.concatenate(doubtful))

    def _room(self, rows: int) -> Floats:
        if rows <= len(self._vectors):
            return self._vectors[:rows]
        vectors: Floats = np.empty((rows, self._encoder.width), np.float32)
        if rows <= _KEPT_ROWS:
            self._vectors = vectors
        return vectors
