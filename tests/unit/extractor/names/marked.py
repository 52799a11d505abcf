"""Texts whose mentions are marked: "[Angela Merkel|PERSON] met [NATO|ORG]."."""

import re
from collections.abc import Mapping

from newstally_extractor.names.aliases import Aliases
from newstally_extractor.names.finding import Mention
from newstally_extractor.names.naming import Name, Namer

_MARK = re.compile(r"\[([^|\]]*)\|([A-Z_]+)\]")


def read(marked: str) -> tuple[str, list[Mention]]:
    """Return the text and its mentions."""
    text = ""
    mentions: list[Mention] = []
    behind = 0
    for mark in _MARK.finditer(marked):
        text += marked[behind : mark.start()]
        mentions.append((len(text), len(text) + len(mark[1]), mark[2]))
        text += mark[1]
        behind = mark.end()
    return text + marked[behind:], mentions


def names(marked: str, rows: Mapping[tuple[str, str], str] | None = None) -> list[Name | None]:
    """Return each mention's name, with a table of these rows."""
    return Namer(Aliases(rows or {})).names(*read(marked))


def keys(marked: str, rows: Mapping[tuple[str, str], str] | None = None) -> list[str | None]:
    """Return each mention's key, with a table of these rows."""
    return [None if name is None else name[0] for name in names(marked, rows)]
