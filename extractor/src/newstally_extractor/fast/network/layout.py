"""Where texts' tokens stand among rows of padding."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newstally_extractor.fast.reading.tokens import Tokens
from newstally_extractor.fast.reading.words import PADDING, Integers, Words

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Rows: padding, a text's tokens, padding, the next text's, ..., padding.

    spaCy puts as much padding between two texts as keeps them from seeing each other.
    """

    words: Integers
    """(R,) each row's word."""
    row_of_token: Integers
    """(N,)"""
    text_of_token: Integers
    """(N,)"""
    unfit: Flags
    """(R,) no entity begins here: white space and padding."""
    bounded: Flags
    """(R,) no entity goes on behind this row."""


def lay_out(tokens: Tokens, words: Words, padding: int) -> Layout:
    """Lay out the tokens of several texts."""
    texts, total = len(tokens.counts), len(tokens.words)
    text_of_token = np.repeat(np.arange(texts), tokens.counts)
    row_of_token = np.arange(total) + padding * (text_of_token + 1)
    size = total + padding * (texts + 1)
    row_words = np.full(size, PADDING, np.int64)
    row_words[row_of_token] = tokens.words
    unfit = np.ones(size, np.bool_)
    unfit[row_of_token] = words.is_space(tokens.words)
    # What follows a row is padding, or begins a sentence: then nothing goes on behind it.
    bounded = np.ones(size, np.bool_)
    bounded[:-1] = row_words[1:] == PADDING
    if tokens.begins_sentence is not None:
        bounded[row_of_token[tokens.begins_sentence] - 1] = True
    return Layout(
        words=row_words,
        row_of_token=row_of_token,
        text_of_token=text_of_token,
        unfit=unfit,
        bounded=bounded,
    )
