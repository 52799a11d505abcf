"""What of one layout becomes what of the other. Pure; documents are functions of their rows."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from newstally_persister.maintenance.migration.note import END
from newstally_persister.maintenance.migration.scratch import Row
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.keys import (
    LAST,
    OUTSIDE,
    day_key,
    day_name,
    table_end,
    total_key,
)
from newstally_persister.sinks.firestore.compact.queries import TALLIES
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION, Entity, Place, Tallied
from newstally_persister.sinks.firestore.days import Window, month_name, of_document, read_month
from newstally_persister.sinks.firestore.ids import entity_id, order_key

_COUNTS = ("mentions", "articles")


class Placed(NamedTuple):
    """A write, and how far a publication is copied with it."""

    write: Any
    place: str


def rows_of_document(document: Any, entity: Entity) -> Iterator[Row]:
    """Return what a document of the publication (`PUBLICATION`) or of an entity holds."""
    found = fields(document)
    told = of_document(document)
    days = {day_name(day): counts for day, counts in told.days.items()}
    days.update((month_name(month), counts) for month, counts in told.months.items())
    dated = [sum(counts[n] for counts in days.values()) for n in (0, 1)]
    if any(told.outside):
        days[OUTSIDE] = told.outside
    name = found.get("name", "") if entity != PUBLICATION else ""
    if entity != PUBLICATION:
        counts = [found.get(count, 0) for count in _COUNTS]
        yield Row(total_key(*entity), "", *entity, name, *counts, *dated)
    for day, of_day in days.items():
        yield Row(day_key(day, *entity), day, *entity, name, *of_day)


def rows_of_entity(document: Any) -> Iterator[Row]:
    """Return what the document of an entity holds."""
    found = fields(document)
    return rows_of_document(document, Entity(found["text"], found["label"]))


def compact_publication(name: str, document: Any) -> Any:
    """Return the write of a publication of the compact layout, from its document in the other."""
    told = of_document(document)
    counts = {count: fields(document).get(count, 0) for count in _COUNTS}
    dated = [sum(each[n] for each in (*told.days.values(), *told.months.values())) for n in (0, 1)]
    for kind, numbers in (("dated", dated), ("outside", told.outside)):
        if any(numbers):
            counts |= {f"{kind}_{count}": n for count, n in zip(_COUNTS, numbers, strict=True)}
    return _publication(name, document, counts)


def leaves(publication: str, held: Iterable[Row], limits: FoldLimits) -> Iterator[Placed]:
    """Return the leaves of a publication, half as large as they may be, in order."""
    for end, table in groupby(held, lambda row: table_end(row.place)):
        piece = _Piece()
        for row in table:
            size = piece.size_of(row)
            if piece.keys and (
                piece.size_bytes + size > limits.leaf_bytes // 2
                or len(piece.keys) >= limits.leaf_rows // 2
            ):
                yield piece.leaf(publication, piece.keys[-1])
                piece = _Piece()
            piece.add(row, size)
        yield piece.leaf(publication, end)


class _Piece:
    """The rows of one leaf."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.size_bytes = 0
        self._places: dict[str, Place] = {}
        self._held = Tallied()

    def size_of(self, row: Row) -> int:
        entity = Entity(row.text, row.label)
        return Tallied(names={entity: row.name}).row_bytes((row.day, entity))

    def add(self, row: Row, size_bytes: int) -> None:
        entity = Entity(row.text, row.label)
        self.keys.append(row.place)
        self.size_bytes += size_bytes
        self._places[row.place] = (row.day, entity)
        self._held.names[entity] = row.name
        if row.day:
            self._held.days[row.day, entity] = (row.mentions, row.articles)
        else:
            self._held.totals[entity] = row[5:]

    def leaf(self, publication: str, end: str) -> Placed:
        write = writes.Write()
        write.update.name = f"{publication}/{TALLIES}/{end}"
        write.update.fields["fold"].integer_value = 0
        rows.fill_leaf(write.update.fields, self._held, self.keys, self._places)
        return Placed(write, end)


def rows_of_tallies(document: Any, behind: str = "") -> Iterator[Row]:
    """Return what a log, a leaf or a piece holds, behind a key.

    Rows of an entity have places side by side. Where several documents name an entity, the one that
    is read last counts.
    """
    held = Tallied()
    if "log" in document.fields:
        rows.add_log(held, document)
        for entity in held.names:
            held.totals.setdefault(entity, (0, 0, 0, 0))
    else:
        rows.add_leaf(held, document, rows.places(document, behind, LAST))
    for entity, counts in held.totals.items():
        yield Row(total_key(*entity), "", *entity, held.names.get(entity, ""), *counts)
    for (day, entity), of_day in held.days.items():
        yield Row(f"{total_key(*entity)}~{day}", day, *entity, "", *of_day)


def documents(publication: str, held: Iterable[Row], kept: Window) -> Iterator[Placed]:
    """Return the documents of a publication's entities, in order."""
    for entity, own in groupby(held, lambda row: Entity(row.text, row.label)):
        if entity != PUBLICATION:
            write = writes.Write()
            write.update.name = f"{publication}/{writes.ENTITIES}/{entity_id(*entity)}"
            values = write.update.fields
            values["text"].string_value = entity.text
            values["label"].string_value = entity.label
            values["key"].string_value = order_key(entity.text)
            place = f"{total_key(*entity)}~{END}"
            total = Row("", "", "", "", "", 0, 0)
            for row in own:
                if row.day:
                    add_period(values, row, kept)
                else:
                    total = row
            if total.name:
                values["name"].string_value = total.name
            values["mentions"].integer_value = total.mentions
            values["articles"].integer_value = total.articles
            yield Placed(write, place)


OWN_DAYS = tuple(f"{total_key(*PUBLICATION)}~{end}" for end in ("", END))
"""Between these places are the rows of the publication itself."""


def documents_publication(name: str, document: Any, own: Iterable[Row], kept: Window) -> Any:
    """Return the write of a publication, from its document in the compact layout and its days."""
    found = fields(document)
    write = _publication(name, document, {count: found.get(count, 0) for count in _COUNTS})
    for row in own:
        add_period(write.update.fields, row, kept)
    return write


def add_period(values: Any, row: Row, kept: Window) -> None:
    """Add what a row has on a day, in a month or outside to the fields of a document."""
    for path in _periods(row.day, kept):
        held = values
        for name in path:
            held = held[name].map_value.fields
        held["mentions"].integer_value += row.mentions
        held["articles"].integer_value += row.articles


def _periods(day: str, kept: Window) -> Iterator[tuple[str, ...]]:
    month = -1 if day == OUTSIDE else read_month(day[:7])
    if not kept.first_month <= month <= kept.last_month:
        yield ("outside",)
        return
    yield "months", day[:7]
    if day != day[:7] and kept.days_from is not None and month >= kept.days_from:
        yield "days", day[:7], day[8:]


def _publication(name: str, document: Any, counted: dict[str, int]) -> Any:
    write = writes.Write()
    write.update.name = name
    for text in ("name", "key"):
        write.update.fields[text].string_value = fields(document).get(text, "")
    for field, number in counted.items():
        write.update.fields[field].integer_value = number
    return write
