"""Which contents are HTML beyond doubt."""

import re

_BLOCK = (
    "address|article|aside|blockquote|body|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|"
    "head|header|html|li|main|nav|ol|p|pre|section|table|tbody|td|th|thead|tr|ul"
)
_INLINE = "a|abbr|b|big|cite|code|del|em|font|i|ins|mark|q|s|small|span|strong|sub|sup|time|u"
_BEGINS = re.compile(
    rf"<(?:!doctype\s+html\b|(?:{_BLOCK}|{_INLINE}|br|img|hr)(?:\s[^<>]*)?/?>)", re.IGNORECASE
)
_ENDS = re.compile(rf"</(?:{_BLOCK}|{_INLINE})\s*>|<br\s*/?>|<p>", re.IGNORECASE)
_LEAST_ENDS = 3
_CHARACTERS_PER_END = 1_500
"""A text that speaks of HTML has fewer elements in it."""


def is_html(content: str) -> bool:
    """Say whether a content is HTML: not one that only speaks of it, or that has a `<` in it.

    It begins with an element and ends one, or it ends elements everywhere.
    """
    if "<" not in content:
        return False
    ends = sum(1 for _ in _ENDS.finditer(content))
    if not ends:
        return False
    # Not with a pattern: white space before it may be long.
    if _BEGINS.match(content.lstrip("\ufeff \t\r\n")):
        return True
    return ends >= _LEAST_ENDS and ends * _CHARACTERS_PER_END >= len(content)
