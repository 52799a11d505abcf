"""Which spellings name the same publication, and which of them do harm.

Two spellings are the same publication when nobody could tell them apart by looking, but for case
and width: letters that Unicode can write in several ways (NFKC), what cannot be seen, case, and
white space do not count. Nothing else is taken away: "The Sun" is not "Sun".
"""

import hashlib
import re
import unicodedata

from newstally_protos.limits import PUBLICATION_LIMIT_BYTES, cut

_UNSEEN = re.compile(
    # Unicode's Default_Ignorable_Code_Point, and the blank of Braille.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    # Controls that are no white space; tab and line ends are folded with it.
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_HARMFUL = re.compile(
    # Controls, ESC and line ends among them, fake rows and escape sequences on a terminal...
    "[\x00-\x1f\x7f-\x9f\u2028\u2029"
    # ...and marks of direction let a line read otherwise than it is.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_HASH_DIGITS = 32
_LONGEST_FOLDED = 4_096
"""In characters: no publication has more. Normalising takes quadratic time where marks pile up."""


def publication_key(name: str) -> str:
    """Return what tells publications apart; "" for a name of which nothing can be seen.

    At most PUBLICATION_LIMIT_BYTES: beyond it, its beginning and a hash of all of it. A name that
    is longer than any publication's may be is not folded: it has a hash for a key.
    """
    if name.isascii() and name.isprintable():
        return bounded(" ".join(name.split()).casefold(), PUBLICATION_LIMIT_BYTES)
    text = name
    if len(name) > _LONGEST_FOLDED:
        text = " ".join(_UNSEEN.sub("", name).split())
        if len(text) > _LONGEST_FOLDED:
            return f"~{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"
    # Folding case may take apart what NFKC put together, and NFKC may bring forth capitals.
    while (folded := _folded(text)) != text:
        text = folded
    return bounded(text, PUBLICATION_LIMIT_BYTES)


def find_harmful(name: str) -> str | None:
    """Return the first character of a name that may not reach a terminal, or None."""
    found = _HARMFUL.search(name)
    return None if found is None else found[0]


def cleaned(name: str) -> str:
    """Return the name without what does harm, trimmed; a line end in it becomes a space."""
    if name.isprintable():  # nothing that does harm is
        return name.strip()
    return _HARMFUL.sub(lambda found: " " if found[0].isspace() else "", name).strip()


def shown(text: str) -> str:
    r"""Return the text for a terminal: what does harm is written out, as in "\x1b"."""
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def bounded(text: str, limit_bytes: int) -> str:
    """Return the text, or its beginning and a hash of all of it: distinct texts stay distinct."""
    if len(text) * 4 <= limit_bytes or len(data := text.encode()) <= limit_bytes:
        return text
    digits = hashlib.sha256(data).hexdigest()[:_HASH_DIGITS]
    return f"{cut(text, limit_bytes - 1 - _HASH_DIGITS)}~{digits}"


def _folded(text: str) -> str:
    normal = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    return unicodedata.normalize("NFKC", " ".join(normal.casefold().split()))
