"""JSON Lines: one object per line; blank lines are no records."""

import io
import json
from collections.abc import Iterator
from typing import Any

from newstally.errors import InputError
from newstally.inputs.columns import Columns
from newstally.inputs.records import LONGEST_LINE, Item, lines, malformed
from newstally.values import Article


def read(stream: io.TextIOWrapper, columns: Columns) -> Iterator[Item]:
    """Yield the records. Raises InputError if the first object has not the fields."""
    first = True
    for number, line in enumerate(lines(stream), 1):
        if line is None:
            yield malformed(number, f"the line is over {LONGEST_LINE} characters")
            continue
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            # Its own text names a line, which is always the first: that of this record.
            yield malformed(number, f"no JSON: {error.msg} at column {error.colno}")
            continue
        except (ValueError, RecursionError) as error:
            yield malformed(number, f"no JSON: {error}")
            continue
        if not isinstance(value, dict):
            yield malformed(number, f"no JSON object but {_kind(value)}")
            continue
        try:
            yield _item(value, number, columns)
        except InputError as error:
            if first:
                raise
            yield malformed(number, str(error).partition(";")[0])
        first = False


def _item(value: dict[str, Any], number: int, columns: Columns) -> Item:
    names = columns.resolve(value)
    publication = columns.constant_publication or ""
    if names.publication is not None:
        publication = value[names.publication]
    content = value[names.content]
    article_id: Any = "" if names.article_id is None else value[names.article_id]
    if article_id is None:
        article_id = ""
    elif isinstance(article_id, int) and not isinstance(article_id, bool):
        article_id = str(article_id)
    for name, field in (
        (names.publication, publication),
        (names.content, content),
        (names.article_id, article_id),
    ):
        if not isinstance(field, str):
            return malformed(number, f"{name} is no string but {_kind(field)}")
    return Item(Article(publication, content, article_id), number)


def _kind(value: object) -> str:
    return {bool: "true or false", dict: "an object", list: "an array", str: "a string"}.get(
        type(value), "null" if value is None else "a number"
    )
