"""The default named-entity pipeline of Newstally: `spacy.load("en_newstally")`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.util import get_model_meta, load_model_from_init_py

from en_newstally import half  # noqa: F401  (registers what the trained files name)

__all__ = ["__version__", "load"]

__version__: str = get_model_meta(Path(__file__).parent)["version"]


def load(*, disable: Iterable[str] = (), exclude: Iterable[str] = (), **overrides: Any) -> Language:
    """Return the pipeline; arguments are those of `spacy.load`.

    Raises OSError if the trained files are not beside this module, and ValueError if the installed
    spaCy cannot read them.
    """
    return load_model_from_init_py(__file__, disable=disable, exclude=exclude, **overrides)
