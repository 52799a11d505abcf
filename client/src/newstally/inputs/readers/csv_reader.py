"""CSV with a header; blank lines are no records."""

import csv
import io
import itertools
from collections.abc import Iterator

from newstally.errors import InputError
from newstally.inputs.readers.columns import Columns, ResolvedColumns
from newstally.inputs.readers.records import (
    LONGEST_LINE,
    NO_COLUMN,
    Item,
    dated,
    lines,
    malformed,
    of_article,
)
from newstally.values import present

DELIMITER = ","
_OTHER_DELIMITERS = (";", "\t", "|")


def check_delimiter(text: str) -> str:
    """Return the character that is meant. Raises InputError unless it is one."""
    delimiter = "\t" if text in ("tab", "\\t") else text
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(f"--delimiter {text!r}: one character, or tab")
    return delimiter


def read(stream: io.TextIOWrapper, columns: Columns, delimiter: str) -> Iterator[Item]:
    """Yield the records. Raises InputError if the header is missing or has not the columns."""
    csv.field_size_limit(LONGEST_LINE)
    text = _lines(stream)
    first = next(text, "")
    kept = _Kept(text)
    # Strict: a quote that is never closed would swallow the rest of the file without a word.
    rows = csv.reader(itertools.chain([first], kept), delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        names = _resolve(header, columns)
    except csv.Error as error:
        hint = _delimiter_hint(first, delimiter)
        raise InputError(hint or f"the header is no CSV: {error}") from error
    except InputError as error:
        raise InputError(_delimiter_hint(first, delimiter) or str(error)) from error
    content_at = header.index(names.content)
    publication_at = None if names.publication is None else header.index(names.publication)
    id_at = None if names.article_id is None else header.index(names.article_id)
    time_at = None if names.time is None else header.index(names.time)
    while True:
        line = rows.line_num + 1
        kept.forget()
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield malformed(line, f"no CSV: {error}", kept.text())
            continue
        if not row:
            continue
        if len(row) != len(header):
            problem = f"{len(row)} columns, but the header has {len(header)}"
            yield malformed(line, problem, kept.text())
            continue
        publication = (
            columns.constant_publication or "" if publication_at is None else row[publication_at]
        )
        article_id = "" if id_at is None else row[id_at]
        when = NO_COLUMN
        if time_at is not None:
            when = dated(row[time_at], day_first=columns.day_first)
        fields = (str(present(field)) for field in (publication, row[content_at], article_id))
        yield of_article(fields, line, when)


class _Kept:
    """Passes lines on, and keeps those of the record that is read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._kept.append(line)
        return line

    def forget(self) -> None:
        """A new record begins."""
        self._kept.clear()

    def text(self) -> str:
        """Return the record as it stands in the input."""
        return "".join(self._kept)


def _resolve(header: list[str], columns: Columns) -> ResolvedColumns:
    if not header:
        raise InputError("no header: the first line must name the columns")
    return columns.resolve_once(header, "line 1: ")


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    for number, line in enumerate(lines(stream), 1):
        if line is None:
            raise InputError(f"line {number} is over {LONGEST_LINE} characters")
        yield line


def _delimiter_hint(header: str, delimiter: str) -> str:
    """Say with which delimiter a header that has not the columns gives more of them, if any."""
    widths = {other: _width(header, other) for other in (delimiter, *_OTHER_DELIMITERS, DELIMITER)}
    best = max(widths, key=lambda other: widths[other])
    if widths[best] <= max(widths[delimiter], 1):
        return ""
    shown = "tab" if best == "\t" else f"'{best}'"
    return f"the columns look separated by {shown}: add --delimiter {shown}"


def _width(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return 0
