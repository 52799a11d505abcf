"""HTML to text: what a reader of the page reads."""

import re

from lxml import etree

_UNREAD_NAMES = (
    "applet audio button canvas datalist embed head iframe map math nav noembed noframes noscript "
    "object option script select style svg template textarea title video"
)
_UNREAD = frozenset(_UNREAD_NAMES.split())
"""Elements whose text is no part of an article: scripts, styles, menus, replacements."""
_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q "
    "rp rt ruby s samp small span strike strong sub sup time tt u var wbr"
)
_INLINE = frozenset(_INLINE_NAMES.split())
"""Elements that do not end a line. All others do, also those that nobody knows."""
_ITEMS = frozenset(
    {"caption", "dd", "dt", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th"}
)
"""Elements that end a sentence where none is ended: headings, links in a list."""
_CHUNK_CHARACTERS = 16 * 1024
_DEEPEST = 400
"""So deep is no page, and the parser's work grows with the depth."""
_WHITE_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")


class TooDeepError(Exception):
    """Elements in elements in elements: nothing that somebody publishes."""


class _Collector:
    """Takes the parser's events and makes lines of them."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._lines: list[str] = []
        """What is before the block at hand."""
        self._line: list[str] = []
        self._depth = 0
        self._unread = 0

    def start(self, tag: str, _attributes: object) -> None:
        """Begin an element."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooDeepError
        if tag in _UNREAD:
            self._unread += 1
        if tag == "br":
            self._end_line()
        elif tag not in _INLINE:
            self._end_block()

    def end(self, tag: str) -> None:
        """End an element; the parser ends each that it began."""
        self._depth -= 1
        if tag in _UNREAD and self._unread:
            self._unread -= 1
        if tag not in _INLINE and tag != "br":
            self._end_block(is_item=tag in _ITEMS)

    def data(self, data: str) -> None:
        """Take text, entities decoded."""
        if not self._unread:
            self._line.append(data)

    def comment(self, _text: str) -> None:
        """Nobody reads them."""

    def pi(self, _target: str, _data: str | None = None) -> None:
        """Nobody reads them."""

    def close(self) -> str:
        """Return the text."""
        self._end_block()
        return "\n\n".join(self._blocks)

    def _end_line(self) -> None:
        line = _WHITE_SPACE.sub(" ", "".join(self._line)).strip()
        self._line.clear()
        if line:
            self._lines.append(line)

    def _end_block(self, *, is_item: bool = False) -> None:
        self._end_line()
        if self._lines:
            block = "\n".join(self._lines)
            # No name goes on from one item of a list to the next.
            self._blocks.append(f"{block}." if is_item and block[-1].isalnum() else block)
            self._lines.clear()


def to_text(html: str) -> str:
    """Return the text of HTML, blocks apart from each other. Raises TooDeepError."""
    if not html:  # which the parser calls a syntax error
        return ""
    collector = _Collector()
    parser = etree.HTMLParser(target=collector, recover=True, huge_tree=True)
    for start in range(0, len(html), _CHUNK_CHARACTERS):
        parser.feed(html[start : start + _CHUNK_CHARACTERS])
    return str(parser.close())
