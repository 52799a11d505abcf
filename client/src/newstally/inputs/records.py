"""What the readers of each format have in common."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

from newstally.values import Article

LONGEST_LINE = 64 * 1024 * 1024
"""Characters. A longer line, or CSV field, is malformed; memory is bounded by this."""

NOTHING = Article("", "")
"""Stands for a malformed record: refused by every gateway."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of one file."""

    article: Article
    line: int
    problem: str = ""


def malformed(line: int, problem: str) -> Item:
    """Return the item for a record that is no article."""
    return Item(NOTHING, line, problem)


def lines(stream: io.TextIOBase) -> Iterator[str | None]:
    """Yield the lines with their ends, or None for one that is too long."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) < LONGEST_LINE or line[-1] in "\r\n":
            yield line
            continue
        while (rest := stream.readline(LONGEST_LINE)) and rest[-1] not in "\r\n":
            pass
        yield None
