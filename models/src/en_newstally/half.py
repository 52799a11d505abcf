"""Parameters kept as 16-bit floats: twice as many in the same room, and read as 32-bit ones.

spaCy computes with 32-bit floats only. So the trained files name a callback in their configuration
that has the pipeline widen parameters as it reads them, by whichever path it is loaded. Only a
component that is read by itself (`nlp.get_pipe("ner").from_disk`) stays as narrow as it was
written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from spacy.lang.en import English
from spacy.language import Language
from spacy.util import registry
from spacy.vectors import Vectors
from thinc.model import Model

_Width = Literal["float16", "float32"]

CALLBACK = "newstally.widened.v1"
"""What a pipeline's configuration calls when the pipeline is created, before files are read."""


class Widened(English):  # type: ignore[no-untyped-call]
    """English that widens the parameters of its components as it reads them."""

    def from_disk(
        self, path: str | Path, *, exclude: str | Iterable[str] = (), **options: Any
    ) -> Self:
        """Read what `to_disk` wrote, of whichever width. Arguments are spaCy's."""
        super().from_disk(path, exclude=exclude, **options)
        widen(self)
        return self

    def from_bytes(
        self, bytes_data: bytes, *, exclude: str | Iterable[str] = (), **options: Any
    ) -> Self:
        """Read what `to_bytes` returned, of whichever width. Arguments are spaCy's."""
        super().from_bytes(bytes_data, exclude=exclude, **options)
        widen(self)
        return self


@registry.callbacks(CALLBACK)  # type: ignore[untyped-decorator]
def widened() -> Callable[[Language], Language]:
    """Return what makes a new pipeline one that widens."""

    def change(nlp: Language) -> Language:
        # spaCy takes no other class from a configuration, but it takes the pipeline as changed.
        nlp.__class__ = Widened
        return nlp

    return change


def narrow(nlp: Language) -> None:
    """Make 16-bit floats of all parameters and word vectors, for writing them.

    Raises ValueError if one is too large for that.
    """
    with np.errstate(over="raise"):
        try:
            _cast(nlp, "float32", "float16")
        except FloatingPointError as error:
            raise ValueError(f"a parameter is too large for 16 bits: {error}") from error


def widen(nlp: Language) -> None:
    """Make 32-bit floats of those parameters and word vectors that have 16 bits."""
    _cast(nlp, "float16", "float32")


def _cast(nlp: Language, before: _Width, after: _Width) -> None:
    for _, component in nlp.components:
        model: Any = getattr(component, "model", None)
        nodes: Iterable[Any] = model.walk() if isinstance(model, Model) else ()
        for node in nodes:
            for name in node.param_names:
                if node.has_param(name) and node.get_param(name).dtype == before:
                    node.set_param(name, node.get_param(name).astype(after))
    vectors = nlp.vocab.vectors
    if isinstance(vectors, Vectors) and vectors.data.dtype == before:
        vectors.data = vectors.data.astype(after)
