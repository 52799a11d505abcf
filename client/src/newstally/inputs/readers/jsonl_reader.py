"""JSON Lines: one object per line; blank lines are no records."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from newstally.errors import InputError
from newstally.inputs.readers.columns import TIME_NAMES, Columns, ResolvedColumns
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

_KEPT = 100
"""Sets of names for which the choice is remembered."""


def read(stream: io.TextIOWrapper, columns: Columns) -> Iterator[Item]:
    """Yield the records. Raises InputError if the first object has not the fields."""
    fields = Fields(columns)
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
            what = error.msg.removesuffix(" at")
            yield malformed(number, f"no JSON: {what} at column {error.colno}", line)
            continue
        except (ValueError, RecursionError) as error:
            yield malformed(number, f"no JSON: {error}", line)
            continue
        item = fields.item(value, number)
        yield replace(item, raw=line) if item.problem else item


class Fields:
    """Makes records of JSON values."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._first = True
        self._resolved: dict[tuple[str, ...], ResolvedColumns] = {}
        self._dated = columns.time != TIME_NAMES
        """Whether a record is expected to have a time: some record had, or a field was named."""

    def item(self, value: Any, line: int) -> Item:
        """Return the record. Raises InputError if the first object has not the fields."""
        if not isinstance(value, dict):
            return malformed(line, f"no JSON object but {_kind(value)}")
        try:
            item = self._item(value, line)
        except InputError as error:
            if self._first:
                raise
            item = malformed(line, str(error).partition(";")[0])
        self._first = False
        return item

    def _item(self, value: dict[str, Any], line: int) -> Item:
        names = self._names(tuple(value))
        publication: object = self._columns.constant_publication or ""
        if names.publication is not None:
            publication = present(value[names.publication])
        content = present(value[names.content])
        article_id = "" if names.article_id is None else present(value[names.article_id])
        if isinstance(article_id, int) and not isinstance(article_id, bool):
            article_id = str(article_id)
        fields: list[str] = []
        for name, field in (
            (names.publication, publication),
            (names.content, content),
            (names.article_id, article_id),
        ):
            if not isinstance(field, str):
                return malformed(line, f"{name} is no string but {_kind(field)}")
            fields.append(field)
        time = None if names.time is None else value[names.time]
        self._dated = self._dated or names.time is not None
        when = dated(time, day_first=self._columns.day_first) if self._dated else NO_COLUMN
        return of_article(fields, line, when)

    def _names(self, present: tuple[str, ...]) -> ResolvedColumns:
        """Most objects have the same names, and choosing among them costs as much as parsing."""
        found = self._resolved.get(present)
        if found is None:
            found = self._columns.resolve(present, sparse=True)
            if len(self._resolved) < _KEPT:
                self._resolved[present] = found
        return found


def _kind(value: object) -> str:
    return {bool: "true or false", dict: "an object", list: "an array", str: "a string"}.get(
        type(value), "null" if value is None else "a number"
    )
