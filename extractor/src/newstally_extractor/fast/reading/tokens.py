"""What reading texts gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from newstally_extractor.fast.reading.words import Integers


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of several texts, one after another."""

    words: Integers
    """(N,) each token's number in Words."""
    starts: Integers
    """(N,) each token's first character, counted in its text."""
    counts: Integers
    """(T,) how many tokens each text has."""
    begins_sentence: npt.NDArray[np.bool_] | None
    """(N,) the tokens known to begin a sentence. None: nothing is known of sentences."""


class Reader(Protocol):
    """Turns texts into tokens, exactly as the pipeline's tokenizer does."""

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes for what it remembers."""
        ...

    def read(self, texts: Sequence[str]) -> Tokens:
        """Read texts."""
        ...

    def forget(self) -> None:
        """Forget everything remembered. Tokens read before are void."""
        ...
