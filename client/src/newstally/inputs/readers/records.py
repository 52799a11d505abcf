"""What the readers of each format have in common."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from newstally.days.times import UnreadableTimeError, to_time
from newstally.errors import InputError
from newstally.values import MALFORMED, Article, present

LONGEST_LINE = 64 * 1024 * 1024
"""Characters. A longer line, or CSV field, is malformed; memory is bounded by this."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record of one file."""

    article: Article
    line: int
    problem: str = ""
    raw: str = ""
    """What is malformed, as it stands in the input."""
    time_problem: str = ""
    """Why the article has no time although there is a column for it; it is one all the same."""


def of_article(fields: Iterable[str], line: int, dated: "Dated") -> Item:
    """Return the item for an article: its publication, content and article_id."""
    publication, content, article_id = fields
    time, problem = dated
    return Item(Article(publication, content, article_id, time), line, time_problem=problem)


Dated = tuple[datetime | None, str]
"""When an article was published, and why that is not known although there is a column for it."""
NO_COLUMN: Dated = (None, "")
NO_TIME = "no time"


def dated(value: object, *, day_first: bool | None) -> Dated:
    """Read what stands in the column of times."""
    try:
        found = to_time(present(value), day_first=day_first)
    except UnreadableTimeError as error:
        return None, str(error)
    return found, "" if found else NO_TIME


def malformed(line: int, problem: str, raw: str = "") -> Item:
    """Return the item for a record that is no article."""
    return Item(MALFORMED, line, problem, raw)


def lines(stream: io.TextIOWrapper) -> Iterator[str | None]:
    """Yield the lines with their ends, or None for one that is too long.

    `stream` keeps what it cannot decode as surrogates (errors="surrogateescape"). Raises InputError
    for a line with such bytes: a text that is read with the wrong encoding is wrong as a whole.
    """
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if not line.isascii():
            check_decoded(line, number, stream.encoding)
        if len(line) < LONGEST_LINE or line[-1] in "\r\n":
            yield line
            continue
        while (rest := stream.readline(LONGEST_LINE)) and rest[-1] not in "\r\n":
            pass
        yield None


def check_decoded(line: str, number: int, encoding: str) -> None:
    """Raise InputError if text that begins in line `number` has bytes that are not `encoding`."""
    try:
        line.encode()
    except UnicodeEncodeError as error:
        byte = ord(line[error.start]) & 0xFF
        number += line.count("\n", 0, error.start)
        name = encoding.removesuffix("-sig").upper()
        # What Excel saves as "Unicode text" begins with a byte order mark of UTF-16.
        likely = "utf-16" if number == 1 and error.start == 0 and byte >= 0xFE else "latin-1"
        raise InputError(
            f"line {number} is not {name} (byte 0x{byte:02x}): name the file's encoding, for"
            f" example --encoding {likely}"
        ) from error
