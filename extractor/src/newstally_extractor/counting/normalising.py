"""Normalising: which spellings are the same entity.

`normalise` maps what a pipeline found in a text to the key under which it is counted and shown.
What it does, in this order, again and again until nothing changes any more:

1. White space, line breaks included, becomes single spaces; other control and formatting
   characters (zero-width, bidirectional marks, soft hyphens) go.
2. Unicode NFC and case folding.
3. A possessive `'s` at the end goes, with any apostrophe.
4. Quotation marks, punctuation and trademark signs around it go, except signs that belong to
   names (`C#`, `@nasa`, `AT&T`, `100%`) and a closing bracket whose opening one is inside.
5. A leading article "the" goes.

| found            | key             |
|------------------|-----------------|
| Angela  Merkel   | angela merkel   |
| the White House  | white house     |
| “Reuters”,       | reuters         |
| Obama's          | obama           |
| (AP)             | ap              |
| U.S.             | u.s             |
| C#               | c#              |

What is left may be empty, or longer than any name (`MAX_KEY_BYTES`): then it is no entity, and the
empty string is returned. The longer table in the tests is the reference.
"""

import re
import unicodedata

MAX_KEY_BYTES = 1_024
"""A longer text, in bytes of UTF-8, is not a name but debris. Sinks bound the size of a key."""

_NAME_SIGNS = frozenset("#@&%*")
"""Punctuation by Unicode's categories that names begin or end with."""
_EDGE_SYMBOLS = frozenset("`\u00b4\u00a8^~|<>=™®©")
"""Symbols that stand around a name like punctuation does."""
_OPENING_OF = {")": "(", "]": "["}
_POSSESSIVE = re.compile("['\u2018\u2019\u02bc\uff07`\u00b4]s$", re.IGNORECASE)
_ARTICLE = re.compile("^(?:the )+", re.IGNORECASE)
_PLAIN = re.compile(r"(?![Tt][Hh][Ee] )[A-Za-z0-9]+(?:[ .&/-][A-Za-z0-9]+)*")
"""Texts of which only the case is folded: most."""
_DROPPED = frozenset({"Cc", "Cf", "Cs"})


def normalise(text: str) -> str:
    """Return the key under which `text` is counted, or "" if it is no entity.

    Pure and idempotent. The key has no control characters, no white space but single inner spaces,
    and at most `MAX_KEY_BYTES` bytes.
    """
    if len(text) <= MAX_KEY_BYTES and _PLAIN.fullmatch(text):
        return text.lower()
    text = _clean(text)
    while (shorter := _strip(text)) != text:
        text = _clean(shorter)
    return text


def trim(text: str) -> str:
    """Return `text` as it is written, without what `normalise` takes away around it.

    What is left has the same key. Case and composition are as they were.
    """
    text = _visible(text)
    while (shorter := _visible(_strip(text))) != text:
        text = shorter
    return text


def _visible(text: str) -> str:
    """Fold white space, drop what cannot be seen."""
    if not text.isprintable():
        text = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in _DROPPED)
    return " ".join(text.split())


def _clean(text: str) -> str:
    """Fold white space and case, drop what cannot be seen, compose; "" if it is too long."""
    text = _visible(text)
    if len(text) > MAX_KEY_BYTES:
        return ""
    if text.isascii():
        return text.lower()
    # Folding can undo the composition and composing the folding: until both agree.
    while (folded := unicodedata.normalize("NFC", text.casefold())) != text:
        text = folded
    return text if len(text.encode()) <= MAX_KEY_BYTES else ""


def _strip(text: str) -> str:
    """Take away what stands around the name."""
    text = _POSSESSIVE.sub("", text)
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        opening = _OPENING_OF.get(text[end - 1])
        if opening is not None and opening in text[start:end]:
            break
        end -= 1
    return _ARTICLE.sub("", text[start:end])


def _is_edge(char: str) -> bool:
    if char.isalnum():
        return False
    if char == " " or char in _EDGE_SYMBOLS:
        return True
    return unicodedata.category(char)[0] == "P" and char not in _NAME_SIGNS
