"""The head of a publication: which segments wait to be folded, and how far a fold is. Pure.

    head  number: how often it was changed
          closed: the number of the last close, which the log has, too
          version
          all, days: of each table
              pieces, firsts, lasts, sizes: what waits, in the order in which it was closed
              folding: so many of the first pieces are being folded
              upto: what they have up to this key is in leaves already
              touched: bytes of leaves that the last fold wrote
              touching: bytes of leaves that this one wrote so far

Whoever changes the head demands that it is as it was read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.keys import ALL, DAYS
from newstally_persister.sinks.firestore.writes import Write

VERSION = 2
"""Of the layout. Before 2, which no release had, logs were folded into leaves at once."""
PIECES_LIMIT = 2_000
"""Of a table: the head has four array elements for each, and a fold deletes all in one commit."""
_SHARE = 4
"""A fold begins when what waits is this part of the leaves that the last one wrote."""
_LATE = 2
"""Parts wait for a fold when so many times as much waits as it begins with."""


class Piece(NamedTuple):
    """A document with rows of a segment."""

    id: str
    first: str
    """Key of its first row."""
    last: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """What waits of one table."""

    pieces: tuple[Piece, ...] = ()
    folding: int = 0
    upto: str = ""
    touched: int = 0
    touching: int = 0

    @property
    def waiting_bytes(self) -> int:
        """Of all pieces, as rows are counted in leaves."""
        return sum(piece.size_bytes for piece in self.pieces)

    @property
    def due(self) -> bool:
        """Whether to fold: whatever the last fold wrote, this pays for it."""
        if self.folding or len(self.pieces) >= PIECES_LIMIT:
            return True
        return bool(self.pieces) and self.waiting_bytes >= self.touched // _SHARE

    def late(self, log_bytes: int) -> bool:
        """Whether parts have to wait for a fold."""
        begins_with = max(self.touched // _SHARE, 2 * log_bytes)
        return self.waiting_bytes >= _LATE * begins_with or len(self.pieces) >= PIECES_LIMIT

    def between(self, first: str, last: str) -> list[tuple[Piece, str]]:
        """Return the pieces with rows between two keys, and the key behind which these wait."""
        found = []
        for place, piece in enumerate(self.pieces):
            folded = self.upto if place < self.folding else ""
            if piece.first <= last and piece.last >= first and piece.last > folded:
                found.append((piece, folded))
        return found

    def begun(self) -> "Table":
        """Return it with all that waits being folded, if nothing is yet."""
        if self.folding:
            return self
        return replace(self, folding=len(self.pieces), upto="", touching=0)

    def advanced(self, upto: str, wrote_bytes: int) -> tuple["Table", list[Piece]]:
        """Return it after a commit of a fold, and the pieces that are folded to their end."""
        touching = self.touching + wrote_bytes
        folding, later = self.pieces[: self.folding], self.pieces[self.folding :]
        left = tuple(piece for piece in folding if piece.last > upto)
        gone = [piece for piece in folding if piece.last <= upto]
        if left:
            return Table((*left, *later), len(left), upto, self.touched, touching), gone
        return Table(later, touched=touching), gone


@dataclass(frozen=True, slots=True)
class Head:
    """A publication's head, as it was read."""

    number: int = 0
    closed: int = 0
    tables: dict[str, Table] = field(default_factory=lambda: {ALL: Table(), DAYS: Table()})
    """By what their keys begin with."""
    found: Any = None
    """The document; None: there is none yet."""

    @property
    def due(self) -> bool:
        """Whether a table is to be folded."""
        return any(table.due for table in self.tables.values())

    def late(self, log_bytes: int) -> bool:
        """Whether parts have to wait for a fold."""
        return any(table.late(log_bytes) for table in self.tables.values())

    def with_table(self, name: str, table: Table) -> "Head":
        """Return it with another state of a table, and the next number."""
        return replace(self, number=self.number + 1, tables={**self.tables, name: table})

    def with_pieces(self, closed: Mapping[str, Iterable[Piece]]) -> "Head":
        """Return it after a close that left these pieces, by table."""
        tables = {
            name: replace(table, pieces=(*table.pieces, *closed.get(name, ())))
            for name, table in self.tables.items()
        }
        return replace(self, number=self.number + 1, closed=self.number + 1, tables=tables)


def read_head(found: Any) -> Head:
    """Return what a head's document says; None: there is none."""
    if found is None:
        return Head()
    check_version(rows.number_of(found, "version"))
    tables = {name: _read_table(found.fields[name.rstrip("~")]) for name in (ALL, DAYS)}
    return Head(rows.number_of(found, "number"), rows.number_of(found, "closed"), tables, found)


def check_version(version: int) -> None:
    """Raise PermanentSinkError for a version of the layout that is not known here."""
    if version > VERSION:
        raise PermanentSinkError(
            f"this database has version {version} of the layout `compact`, and {VERSION} is known",
            "run the release that wrote it, or a later one",
        )
    if version < VERSION:
        raise PermanentSinkError(
            f"this database has version {version} of the layout `compact`, which no release had",
            "set --firestore-database to another one, or empty this one and send all again",
        )


def head_write(name: str, head: Head) -> Any:
    """Return the write that stores a head, if what is stored is what it was made from."""
    write = Write()
    write.update.name = name
    fields = write.update.fields
    fields["number"].integer_value = head.number
    fields["closed"].integer_value = head.closed
    fields["version"].integer_value = VERSION
    for table_name, table in head.tables.items():
        held = fields[table_name.rstrip("~")].map_value.fields
        for column, texts in (
            ("pieces", [piece.id for piece in table.pieces]),
            ("firsts", [piece.first for piece in table.pieces]),
            ("lasts", [piece.last for piece in table.pieces]),
        ):
            rows.set_strings(held, column, texts)
        rows.set_numbers(held, "sizes", [piece.size_bytes for piece in table.pieces])
        held["upto"].string_value = table.upto
        for column in ("folding", "touched", "touching"):
            held[column].integer_value = getattr(table, column)
    if head.found is None:
        write.current_document.exists = False
    else:
        write.current_document.update_time.CopyFrom(head.found.update_time)
    return write


def _read_table(value: Any) -> Table:
    fields = value.map_value.fields
    texts = (rows.strings_of(fields, column) for column in ("pieces", "firsts", "lasts"))
    columns = zip(*texts, rows.numbers_of(fields, "sizes"), strict=True)
    numbers = {name: fields[name].integer_value for name in ("folding", "touched", "touching")}
    return Table(
        tuple(Piece(*column) for column in columns), upto=fields["upto"].string_value, **numbers
    )
