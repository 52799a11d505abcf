"""The seam between the service and what finds entities."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from newstally_extractor.counting.entities import Counts

Outcome = Counts | Exception
"""What came of one article."""


@dataclass(frozen=True, slots=True)
class Text:
    """What an engine is asked to read, and how much that is."""

    content: str
    cost: int
    """Estimated, in characters of prose."""
    returnable: bool = False
    """It may be left out when time runs short."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What came of one article, and at what price."""

    outcome: Outcome
    seconds: float = 0.0
    """Its part of the processor time."""


class Engine(Protocol):
    """Finds entities. Made once and called from one thread only, synchronously."""

    @property
    def name(self) -> str:
        """Which implementation it is, for example "stock"."""
        ...

    @property
    def model(self) -> str:
        """The pipeline's name, for example "en_newstally"."""
        ...

    @property
    def model_version(self) -> str:
        """The pipeline's version, for example "0.1.0"."""
        ...

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        """Return an outcome per text, in order.

        Raises when it cannot tell which text is at fault; it must be usable afterwards.
        """
        ...


def naming_of(engine: Engine) -> str:
    """Return what decides on an engine's names, with its version; empty if it does not say."""
    return str(getattr(engine, "naming", ""))


class SettingError(Exception):
    """A setting that cannot work; found at start."""

    def __init__(self, setting: str, message: str) -> None:
        """Name the setting as in ExtractorSettings; the message says what to do."""
        super().__init__(message)
        self.setting = setting
        self.message = message


class BrokenError(Exception):
    """The pipeline is at fault, not an article: nothing that it says of articles can be believed.

    The message names types of errors only: their texts may hold content.
    """


_NO_ARTICLES_FAULT = (MemoryError, OSError)
"""What says of the process or the machine that it cannot work, whatever it was working on."""


def extract_each(
    extract: Callable[[Sequence[str]], Sequence[Outcome]],
    texts: Sequence[str],
    doubt: Callable[[Exception], None],
) -> list[Outcome]:
    """Return an outcome per text; a batch that fails as a whole is tried text by text.

    So one bad article never takes others down with it. Before a text is blamed for an error, the
    error is given to `doubt`, which raises BrokenError if the pipeline is at fault. MemoryError and
    OSError are BrokenError at once.
    """
    try:
        outcomes = list(extract(texts))
        if len(outcomes) != len(texts):
            raise RuntimeError(f"{len(outcomes)} outcomes for {len(texts)} texts")  # noqa: TRY301
    except Exception as error:  # noqa: BLE001 - a pipeline may raise anything on a text
        if len(texts) > 1 and not isinstance(error, _NO_ARTICLES_FAULT):
            return [extract_each(extract, [text], doubt)[0] for text in texts]
        # Without its frames, which hold the pipeline's documents.
        outcomes = [error.with_traceback(None)]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for failure in failures:
        if isinstance(failure, _NO_ARTICLES_FAULT):
            raise BrokenError(f"{type(failure).__name__} in the pipeline")
    if failures:
        doubt(failures[0])
    return outcomes
