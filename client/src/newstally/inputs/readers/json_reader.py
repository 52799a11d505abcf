"""A JSON array of objects, read as a stream."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from newstally.errors import InputError
from newstally.inputs.readers.columns import Columns
from newstally.inputs.readers.jsonl_reader import Fields
from newstally.inputs.readers.records import LONGEST_LINE, Item, check_decoded

_CHUNK = 1 << 18
_SPACE = re.compile(r"[ \t\r\n]*")


def read(stream: io.TextIOWrapper, columns: Columns) -> Iterator[Item]:
    """Yield the records. Raises InputError where the array is broken, with the line."""
    fields = Fields(columns)
    text = _Text(stream)
    if text.next_character() != "[":
        raise InputError("no JSON array: it does not begin with [")
    text.skip()
    if text.next_character() == "]":
        text.skip()
    else:
        while True:
            text.next_character()
            line = text.line
            value = text.value()
            item = fields.item(value, line)
            yield replace(item, raw=json.dumps(value)) if item.problem else item
            after = text.next_character()
            text.skip()
            if after == "]":
                break
            if after != ",":
                raise InputError(
                    f"line {text.line}: the array breaks off; it may be truncated"
                    if not after
                    else f"line {text.line}: no JSON array: {after!r} where , or ] belongs"
                )
    if text.next_character():
        raise InputError(f"line {text.line}: there is more after the end of the array")


class _Text:
    """The text from where the reading is, as much of it as is needed."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self.line = 1
        """Where the reading is, from 1."""

    def next_character(self) -> str:
        """Go to the next character that is no white space; empty at the end."""
        while True:
            end = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            self._go_to(end)
            if end < len(self._buffer):
                return self._buffer[end]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Go past one character."""
        self._at += 1

    def value(self) -> Any:
        """Return the value that begins here, and go to its end."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except (ValueError, RecursionError) as error:
                if isinstance(error, RecursionError) or not self._more():
                    raise InputError(f"line {self.line}: {_wrong(error, self._at)}") from error
                continue
            # A number at the end of what was read may go on.
            if end == len(self._buffer) and self._more():
                continue
            self._go_to(end)
            return value

    def _go_to(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on, as much again as is there; memory is bounded by LONGEST_LINE."""
        kept = self._buffer[self._at :]
        if len(kept) > LONGEST_LINE:
            return False
        chunk = self._stream.read(max(_CHUNK, len(kept)))
        if not chunk.isascii():
            check_decoded(chunk, self.line, self._stream.encoding)
        self._buffer, self._at = kept + chunk, 0
        return bool(chunk)


def _wrong(error: Exception, begin: int) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error.msg}, {error.pos - begin:,} characters into the value there"
    return f"no JSON: {error}"
