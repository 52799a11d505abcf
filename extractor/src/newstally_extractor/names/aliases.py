"""The names that a table gives: "U.S." is the United States in every article.

A table is UTF-8 text with the columns `key`, `label` and `name`, separated by tabs; the first line
names them, and lines that begin with `#` are comments. What is found under a key is counted under
the name. docs/names.md says which rows get into the shipped table.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from newstally_protos.limits import LABEL_LIMIT_BYTES

from newstally_extractor.counting.normalising import normalise

_HEADER = ["key", "label", "name"]
NO_NAME = "-"
"""What a row has for a name whose key is none."""

Key = tuple[str, str]
"""Normalised text and label."""


class AliasError(Exception):
    """A table that cannot be used. The message names the file, the line and what to do."""


@dataclass(frozen=True, slots=True)
class Alias:
    """What a key is counted under, and how that is written."""

    key: str
    label: str
    name: str
    """As it is written; `NO_NAME` if the key is no name."""


class Aliases:
    """A table, ready to be asked."""

    def __init__(self, rows: Mapping[Key, str]) -> None:
        """Take names by key and label; a name's own key is one of them, too."""
        self._found: dict[Key, Alias] = {}
        for (key, label), name in rows.items():
            alias = Alias(normalise(name), label, name)
            self._found[key, label] = alias
            if name != NO_NAME:
                self._found.setdefault((alias.key, label), alias)
        self._only: dict[str, Alias | None] = {}
        for (key, label), alias in self._found.items():
            if label == "NORP":  # a Catholic is not the Catholic Church
                continue
            self._only[key] = None if key in self._only else alias

    def find(self, key: str, label: str) -> Alias | None:
        """Return what a key is counted under that was found with this label.

        A key that the table has under one label only is meant by most others, too. A people's is
        meant by a state's.
        """
        alias = self._found.get((key, label))
        if alias is None and label == "GPE":
            alias = self._found.get((key, "NORP"))
        if alias is None:
            alias = self._only.get(key)
            if alias is not None and not _holds(alias, key, label):
                return None
        return alias

    def __contains__(self, key: str) -> bool:
        """Say whether the table has the key, under any label."""
        return key in self._only

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that say what is in the table."""
        rows = sorted(
            f"{key}\t{label}\t{alias.name}\n" for (key, label), alias in self._found.items()
        )
        return hashlib.sha256("".join(rows).encode()).hexdigest()[:8]


def _holds(alias: Alias, key: str, label: str) -> bool:
    """Say whether a row holds for a label that is not its own.

    A single word often names another thing as a person or a landscape: Jordan the player, the
    Amazon; and what is a person's may be anybody's or anything's. Any words may be a title.
    """
    if alias.name == NO_NAME:
        return label != "WORK_OF_ART"
    if " " in key:
        return True
    if label == "PERSON":
        return alias.label == "PRODUCT"
    return label != "LOC" and alias.label != "PERSON"


def load_aliases(more: Path | None = None) -> Aliases:
    """Read the shipped table, and over it the rows of `more`. Raises AliasError."""
    rows = dict(_rows("aliases.tsv", (files(__package__) / "aliases.tsv").read_text("utf-8")))
    if more is not None:
        try:
            text = more.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AliasError(f"cannot read {more}: {error}") from error
        rows.update(_rows(str(more), text))
    return Aliases(rows)


def _rows(file: str, text: str) -> Iterator[tuple[Key, str]]:
    seen: dict[Key, int] = {}
    for number, line in enumerate(text.splitlines() or [""], start=1):
        if number == 1:
            if line.split("\t") != _HEADER:
                raise AliasError(
                    f"{file}, line 1: it must be key, label and name, with tabs between"
                )
            continue
        if not line or line.startswith("#"):
            continue
        try:
            key, name = _row(line.split("\t"))
        except ValueError as error:
            raise AliasError(f"{file}, line {number}: {error}") from error
        if key in seen:
            raise AliasError(
                f"{file}, line {number}: {key[0]!r} {key[1]} is in line {seen[key]}, too"
            )
        seen[key] = number
        yield key, name


def _row(columns: list[str]) -> tuple[Key, str]:
    if len(columns) != len(_HEADER):
        raise ValueError(f"{len(columns)} columns where there are {len(_HEADER)}")
    key, label, name = columns
    if key != normalise(key) or not key:
        raise ValueError(f"the key must be normalised: {normalise(key)!r}, not {key!r}")
    if not label.isascii() or not label.replace("_", "").isupper():
        raise ValueError(f"a label is in capitals, not {label!r}")
    if len(label) > LABEL_LIMIT_BYTES:
        raise ValueError(f"a label has at most {LABEL_LIMIT_BYTES} letters, not {len(label)}")
    if (not normalise(name) and name != NO_NAME) or name != " ".join(name.split()):
        raise ValueError(f"{name!r} is no name")
    return (key, label), name
