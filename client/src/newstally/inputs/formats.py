"""Which format a file has: as told, by its name, or by its content."""

import json
from pathlib import PurePath

from newstally.errors import InputError
from newstally.inputs.readers.parquet_reader import MAGIC
from newstally.inputs.unpacking import SUFFIXES

CSV, TSV, JSONL, JSON, PARQUET = "csv", "tsv", "jsonl", "json", "parquet"
FORMATS = (CSV, TSV, JSONL, JSON, PARQUET)
_BY_NAME = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".json": JSON,
    ".parquet": PARQUET,
}
BEGINNING_BYTES = 1 << 16
"""So much is looked at where the name says nothing."""


def by_name(name: str) -> str | None:
    """Return the format that a file's name tells, or None."""
    path = PurePath(name.lower())
    while path.suffix in SUFFIXES:
        path = path.with_suffix("")
    return _BY_NAME.get(path.suffix)


def settle(named: str | None, beginning: bytes, encoding: str) -> str:
    """Return the format of text that begins so. Raises InputError for what is no text.

    A name that ends in .json stands for an array and for JSON Lines, too.
    """
    if beginning.startswith(MAGIC):
        raise InputError("Parquet that is packed or in an archive is not read: unpack it")
    if named == PARQUET:
        raise InputError("no Parquet: it does not begin with PAR1")
    if named not in (None, JSON):
        return str(named)
    text = beginning.decode(encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    if text.startswith("["):
        return JSON
    if text.startswith("{"):
        _check_lines(text, whole=len(beginning) < BEGINNING_BYTES)
        return JSONL
    if named == JSON:
        raise InputError("no JSON: it begins with neither [ nor {")
    if "\0" in text:
        raise InputError(
            "neither CSV nor JSON: there are zero bytes in it; name its encoding with --encoding,"
            " or unpack it"
        )
    header = text.partition("\n")[0]
    return TSV if header.count("\t") > header.count(",") else CSV


def _check_lines(text: str, *, whole: bool) -> None:
    """Raise InputError for one object over several lines."""
    first, end, _ = text.partition("\n")
    if not end and not whole:
        return
    try:
        json.loads(first)
    except ValueError:
        if first.strip() == "{" or not first.rstrip().endswith("}"):
            raise InputError(
                "line 1: one JSON object over several lines; an array of objects or one object per"
                " line is read, for example from: jq -c '.articles[]'"
            ) from None
    except RecursionError:
        pass  # the reader tells it with its line
