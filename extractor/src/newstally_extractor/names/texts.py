"""What a pipeline found, read once: the same texts come again and again."""

from dataclasses import dataclass
from functools import lru_cache

from newstally_extractor.counting.normalising import normalise, trim
from newstally_extractor.names.debris import is_debris
from newstally_extractor.names.kinds import said_label
from newstally_extractor.names.rules.forms import words_of

_REMEMBERED = 16_384
_LONGEST_REMEMBERED = 64
"""In characters: what is remembered takes 10 MB, and never more than 40."""


@dataclass(slots=True, eq=False)
class Text:
    """A text as it was found, and what it says by itself. Never changed."""

    key: str
    """Normalised; empty if it is no name."""
    words: tuple[str, ...]
    """See `words_of`."""
    said: str
    """The label that its words say it has, or nothing."""
    shown: str
    """Without what stands around it."""
    is_abbreviation: bool
    """Whether it is one word in capitals: NATO, U.N., G20, AT&T."""


def read_text(written: str) -> Text:
    """Return what a text says by itself; remembered if it is short."""
    return _remembered(written) if len(written) <= _LONGEST_REMEMBERED else _read(written)


def _read(written: str) -> Text:
    key = normalise(written)
    words = words_of(key) if key else ()
    if not key or is_debris(key, words):
        return Text("", (), "", "", is_abbreviation=False)
    return Text(
        key,
        words,
        said_label(key, words),
        _shown(written, key),
        is_abbreviation=len(words) == 1
        and written.isupper()
        and sum(map(str.isalpha, written)) > 1,
    )


def _shown(written: str, key: str) -> str:
    """Return a text without what stands around it; its key where that is not the same name."""
    if written.isascii() and written.lower() == key:  # nothing stands around most
        return written
    shown = trim(written)
    return shown if normalise(shown) == key else key


_remembered = lru_cache(_REMEMBERED)(_read)
