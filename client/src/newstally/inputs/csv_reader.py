"""CSV with a header; blank lines are no records."""

import csv
import io
from collections.abc import Iterator

from newstally.errors import InputError
from newstally.inputs.columns import Columns
from newstally.inputs.records import LONGEST_LINE, Item, lines, malformed
from newstally.values import Article


def read(stream: io.TextIOBase, columns: Columns) -> Iterator[Item]:
    """Yield the records. Raises InputError if the header is missing or has not the columns."""
    csv.field_size_limit(LONGEST_LINE)
    # Strict: a quote that is never closed would swallow the rest of the file without a word.
    rows = csv.reader(_lines(stream), strict=True)
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise InputError(f"the header is no CSV: {error}") from error
    if not header:
        raise InputError("no header: the first line must name the columns")
    names = columns.resolve(header)
    content_at = header.index(names.content)
    publication_at = None if names.publication is None else header.index(names.publication)
    id_at = None if names.article_id is None else header.index(names.article_id)
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield malformed(line, f"no CSV: {error}")
            continue
        if not row:
            continue
        if len(row) != len(header):
            yield malformed(line, f"{len(row)} columns, but the header has {len(header)}")
            continue
        publication = (
            columns.constant_publication or "" if publication_at is None else row[publication_at]
        )
        article_id = "" if id_at is None else row[id_at]
        yield Item(Article(publication, row[content_at], article_id), line)


def _lines(stream: io.TextIOBase) -> Iterator[str]:
    for number, line in enumerate(lines(stream), 1):
        if line is None:
            raise InputError(f"line {number} is over {LONGEST_LINE} characters")
        yield line
