"""Words as numbers: each form that a word is written in, and where its features lie in the tables.

A form is a word as it stands in a text. Of each there are variants as newsrooms write them: in
lower case, in capitals, with a capital, with curly quotes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from augment import capitalised, curly
from spacy.attrs import NAMES
from spacy.vocab import Vocab

Integers = np.ndarray[Any, np.dtype[np.int64]]

_VARIANTS: dict[str, Callable[[str], str]] = {
    "lower": str.lower,
    "upper": str.upper,
    "capitalised": capitalised,
    "curly": curly,
}


class Forms:
    """All forms of some texts and their variants."""

    def __init__(self, words: Iterable[str]) -> None:
        read = Counter(words)
        own = list(read)
        every = dict.fromkeys(own)
        for change in _VARIANTS.values():
            every.update(dict.fromkeys(map(change, own)))
        self.texts: Sequence[str] = list(every)
        self._number = {text: number for number, text in enumerate(self.texts)}
        self.variants = {
            name: np.array([self._number[change(text)] for text in own], np.int64)
            for name, change in _VARIANTS.items()
        }
        """Of each form of the texts, which form it is in that variant."""
        whole: Counter[str] = Counter()
        for text, times in read.items():
            whole[text.lower()] += times
        self.counts = np.array([whole[text.lower()] for text in self.texts], np.int64)
        """How often each form stands in the texts, in whatever case."""

    def numbers(self, words: Sequence[str]) -> Integers:
        """Return the forms' numbers. Raises KeyError for one that the texts do not have."""
        return np.array([self._number[word] for word in words], np.int64)

    def features(self, vocab: Vocab, attrs: Sequence[int]) -> np.ndarray[Any, Any]:
        """Return the values of these attributes of each form: forms by attributes, uint64."""
        found = np.zeros((len(self.texts), len(attrs)), np.uint64)
        for number, text in enumerate(self.texts):
            lexeme = vocab[text]
            found[number] = [_value(lexeme, attr) for attr in attrs]
        return found

    def rows(self, vocab: Vocab) -> Integers:
        """Return the row of each form in the vocabulary's word vectors; -1 for none."""
        if vocab.vectors.shape[0] == 0:
            return np.full(len(self.texts), -1, np.int64)
        keys = self.features(vocab, [vocab.vectors.attr])[:, 0]
        found: Integers = np.asarray(vocab.vectors.find(keys=keys), np.int64)
        return found


def _value(lexeme: Any, attr: int) -> int:
    return int(getattr(lexeme, NAMES[attr].lower()))
