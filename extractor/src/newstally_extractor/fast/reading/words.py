"""Distinct words, numbered."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from spacy.attrs import IS_SPACE, LENGTH

from newstally_extractor.fast.reading.growing import Growing

Integers = npt.NDArray[np.int64]
Features = npt.NDArray[np.uint64]

PADDING = 0
"""The number of what stands before, between and after texts."""

_BYTES_PER_WORD = 300
"""Of Python objects and of the numbers kept for it, besides its features."""


class Words:
    """Numbers words by what the model can tell apart; how a word is written is not kept.

    A word is a row of features: `columns` are the lexical attributes in it. Number 0 is padding.
    """

    def __init__(self, attrs: tuple[int, ...]) -> None:
        """`attrs`: the lexical attributes that embeddings are made from."""
        self.columns: list[int] = [*dict.fromkeys((*attrs, IS_SPACE, LENGTH))]
        self._space = self.columns.index(IS_SPACE)
        self._length = self.columns.index(LENGTH)
        self._numbers: dict[bytes, int] = {}
        self._features = Growing(np.uint64, len(self.columns))
        self._on_forget: list[Callable[[], None]] = []
        self.forget()

    def __len__(self) -> int:
        return len(self._features)

    @property
    def size_bytes(self) -> int:
        """About how much memory the words take."""
        return len(self) * (_BYTES_PER_WORD + 16 * len(self.columns))

    def number(self, features: Features) -> Integers:
        """Number words by their features, (N, columns); new ones get the next numbers."""
        numbers, new = self._numbers, []
        found = []
        for key in _as_keys(np.ascontiguousarray(features)):
            number = numbers.get(key)
            if number is None:
                number = numbers[key] = len(numbers) + 1
                new.append(key)
            found.append(number)
        if new:
            rows = np.frombuffer(b"".join(new), np.uint64).reshape(-1, len(self.columns))
            self._features.extend(rows)
        return np.array(found, dtype=np.int64)

    def features(self, numbers: Integers) -> Features:
        """Return the words' features, (N, columns)."""
        return self._features.rows[numbers]

    def is_space(self, numbers: Integers) -> npt.NDArray[np.bool_]:
        """Say which words are white space."""
        space: npt.NDArray[np.bool_] = self._features.rows[numbers, self._space] != 0
        return space

    def lengths(self, numbers: Integers) -> Integers:
        """Return the words' lengths in characters."""
        lengths: Integers = self._features.rows[numbers, self._length].astype(np.int64)
        return lengths

    def forget(self) -> None:
        """Forget all words. Their numbers mean others from now on."""
        self._numbers.clear()
        self._features.clear()
        self._features.extend(np.zeros((1, len(self.columns)), np.uint64))
        for notify in self._on_forget:
            notify()

    def on_forget(self, notify: Callable[[], None]) -> None:
        """Have a function called whenever the words were forgotten."""
        self._on_forget.append(notify)


def _as_keys(features: Features) -> list[bytes]:
    rows, columns = features.shape
    whole: list[bytes] = features.view(f"V{8 * columns}").reshape(rows).tolist()
    return whole
