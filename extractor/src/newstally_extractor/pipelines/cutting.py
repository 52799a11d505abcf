"""What no pipeline is asked to read: spaCy's tokenizer is quadratic in what has no white space.

Ten thousand `=` in a row take it 16 seconds. So, before any engine reads a text,

- of more than 16 signs in a row (neither letters, digits nor white space) the rest is left out, and
- a run of more than 256 characters without white space is broken by a space after every 256.

Of 8,859 real articles the longest run without white space has 169 characters.
"""

import re

SIGNS = 16
"""Signs in a row that are read."""
RUN = 256
"""Characters in a row without white space that are read as one piece."""

_IS_SIGN = bytes(
    byte >= 0x80 or not (chr(byte).isspace() or chr(byte).isalnum()) for byte in range(256)
)
_IS_IN_RUN = bytes(byte >= 0x80 or not chr(byte).isspace() for byte in range(256))
"""Of each byte of UTF-8 whether it may be part of one, as 0 or 1: of those beyond ASCII any may."""
_TOO_MANY_SIGNS = b"\1" * (SIGNS + 1)
_TOO_LONG_RUN = b"\1" * (RUN + 1)
_LONG = re.compile(rf"\S{{{SIGNS + 1},}}")
_SIGNS = re.compile(rf"((?:[^\w\s]|_){{{SIGNS}}})(?:[^\w\s]|_)+")
_RUN = re.compile(rf"\S{{{RUN}}}(?=\S)")


def cut(text: str) -> str:
    """Return the text as engines read it: the same one, unless it has an over-long run."""
    # What nearly all texts show at once: the patterns take as long as all words of a text.
    data = text.encode(errors="surrogatepass")
    if _TOO_MANY_SIGNS not in data.translate(_IS_SIGN) and _TOO_LONG_RUN not in data.translate(
        _IS_IN_RUN
    ):
        return text
    return _LONG.sub(_cut_run, text)


def _cut_run(found: re.Match[str]) -> str:
    run = _SIGNS.sub(r"\1", found[0])
    return _RUN.sub(r"\g<0> ", run) if len(run) > RUN else run
