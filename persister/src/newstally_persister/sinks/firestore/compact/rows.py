"""What log, pieces and leaves hold, and how large it is. Pure.

    log         log: [{part, texts, labels, names, mentions, articles, dated_mentions,
                       dated_articles, days, day_rows, day_numbers, day_mentions, day_articles}]
    all~{end}   texts, labels, names, mentions, articles, dated_mentions, dated_articles
    days~{end}  days, texts, labels, names, mentions, articles
    segment~... a piece: like a leaf of its table

Each is an array, and what belongs together stands at the same place of each: so no text becomes the
name of a field, and no field's name is repeated for each row. `dated_...` is what of the totals has
a day. In the log `days` are those that it knows, and entry n of the `day_...` arrays says: row
`day_rows[n]` has, on day `days[day_numbers[n]]`, so many mentions and articles.

Text and label of the publication itself are empty. Its totals stand in a document of their own.

Sizes are upper bounds by Firestore's published rules: a string takes its bytes + 1, a number 8.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.cloud.firestore_v1.types import document

from newstally_persister.sinks.firestore.compact.keys import DAYS, day_key, day_name, total_key
from newstally_persister.values.parts import EntityRow, PublicationRow, Row

Value = document.Value.pb()
"""The protobuf class itself."""

Counts = tuple[int, int, int, int]
"""(mentions, articles, mentions with a day, articles with a day)."""
DayCounts = tuple[int, int]
"""(mentions, articles)."""

_NUMBER_BYTES = 8
_ELEMENT_BYTES = 300
"""Of an element of a log, what is not of its rows: names of its arrays, and the part's."""
_ISO_BYTES = len("2026-11-21") + 1
_TOTALS = ("mentions", "articles", "dated_mentions", "dated_articles")
_EVERY = slice(None)


class Entity(NamedTuple):
    """What a row is about; both empty: the publication itself."""

    text: str
    label: str


PUBLICATION = Entity("", "")
Place = tuple[str, Entity]
"""(day, month or "" for totals; entity)."""


@dataclass(slots=True)
class Tallied:
    """Rows added up."""

    totals: dict[Entity, Counts] = field(default_factory=dict)
    names: dict[Entity, str] = field(default_factory=dict)
    days: dict[Place, DayCounts] = field(default_factory=dict)
    """By day, or by month, as ISO 8601."""

    def add(self, entity: Entity, counts: Counts, name: str) -> None:
        """Add totals of an entity. The later name is shown."""
        before = self.totals.get(entity)
        if before is not None:
            counts = (
                before[0] + counts[0],
                before[1] + counts[1],
                before[2] + counts[2],
                before[3] + counts[3],
            )
        self.totals[entity] = counts
        if name:
            self.names[entity] = name

    def add_day(self, place: Place, counts: DayCounts) -> None:
        """Add what an entity has on a day."""
        before = self.days.get(place)
        if before is not None:
            counts = (before[0] + counts[0], before[1] + counts[1])
        self.days[place] = counts

    def keys(self) -> dict[str, Place]:
        """Return the places of all rows by their keys in the leaves."""
        found: dict[str, Place] = {total_key(*entity): ("", entity) for entity in self.totals}
        found.update((day_key(day, *entity), (day, entity)) for day, entity in self.days)
        return found

    def row_bytes(self, place: Place) -> int:
        """Return at most what a row takes of a leaf."""
        day, entity = place
        if day:
            return _text_bytes(day, *entity, self.names.get(entity, "")) + 2 * _NUMBER_BYTES
        return _text_bytes(*entity, self.names.get(entity, "")) + 4 * _NUMBER_BYTES


def row_bytes(row: Row) -> int:
    """Return at most what a row of a part takes of a log."""
    days = len(row.days) * (4 * _NUMBER_BYTES + _ISO_BYTES)
    texts = () if isinstance(row, PublicationRow) else (row.text, row.label, row.name or "")
    return _text_bytes(*texts) + 3 + 4 * _NUMBER_BYTES + days


def tally_rows(rows: Iterable[Row]) -> Tallied:
    """Return what rows of one publication add to its log."""
    found = Tallied()
    for row in rows:
        entity = PUBLICATION
        if isinstance(row, EntityRow):
            entity = Entity(row.text, row.label)
            dated = sum(day[1] for day in row.days), sum(day[2] for day in row.days)
            found.add(entity, (row.mentions, row.articles, *dated), row.name or "")
        for day, *counts in row.days:
            found.add_day((day_name(day), entity), (counts[0], counts[1]))
    return found


def element(part: str, held: Tallied) -> Any:
    """Return the element of a log with these rows."""
    value = Value()
    fields = value.map_value.fields
    fields["part"].string_value = part
    nothing = (0, 0, 0, 0)
    entities = dict.fromkeys((*held.totals, *(entity for _, entity in held.days)))
    _entities(fields, entities, held.names)
    for n, name in enumerate(_TOTALS):
        set_numbers(fields, name, [held.totals.get(entity, nothing)[n] for entity in entities])
    if held.days:
        numbers = {day: n for n, day in enumerate(dict.fromkeys(day for day, _ in held.days))}
        at = {entity: n for n, entity in enumerate(entities)}
        set_strings(fields, "days", numbers)
        set_numbers(fields, "day_rows", [at[entity] for _, entity in held.days])
        set_numbers(fields, "day_numbers", [numbers[day] for day, _ in held.days])
        set_numbers(fields, "day_mentions", [counts[0] for counts in held.days.values()])
        set_numbers(fields, "day_articles", [counts[1] for counts in held.days.values()])
    return value


def add_log(tallied: Tallied, found: Any) -> None:
    """Add the rows of a log's document."""
    for part in _array(found.fields, "log"):
        fields = part.map_value.fields
        entities = _read_entities(fields)
        names = strings_of(fields, "names")
        counts = zip(*(numbers_of(fields, name) for name in _TOTALS), strict=True)
        for entity, name, of_entity in zip(entities, names, counts, strict=True):
            if of_entity[1]:
                tallied.add(entity, of_entity, name)
            elif name:
                tallied.names[entity] = name
        days = strings_of(fields, "days")
        columns = ("day_rows", "day_numbers", "day_mentions", "day_articles")
        for row, day, mentions, articles in zip(
            *(numbers_of(fields, name) for name in columns), strict=True
        ):
            tallied.add_day((days[day], entities[row]), (mentions, articles))


def add_leaf(tallied: Tallied, found: Any, some: slice = _EVERY) -> None:
    """Add rows of the document of a leaf or a piece: those at these places."""
    fields = found.fields
    entities = _read_entities(fields, some)
    names = strings_of(fields, "names", some)
    if "days" in fields:
        tallied.names.update(both for both in zip(entities, names, strict=True) if both[1])
        days = strings_of(fields, "days", some)
        counts_of_day = zip(*(numbers_of(fields, name, some) for name in _TOTALS[:2]), strict=True)
        for day, entity, of_day in zip(days, entities, counts_of_day, strict=True):
            tallied.add_day((day, entity), of_day)
        return
    counts = zip(*(numbers_of(fields, name, some) for name in _TOTALS), strict=True)
    for entity, name, of_entity in zip(entities, names, counts, strict=True):
        tallied.add(entity, of_entity, name)


def places(found: Any, after: str, upto: str) -> slice:
    """Return where rows of a leaf or a piece stand: with keys behind `after`, up to `upto`."""
    key, every = _keys(found)
    return slice(bisect_right(every, after, key=key), bisect_right(every, upto, key=key))


def key_behind(found: Any, after: str) -> str:
    """Return the first key of a leaf or a piece that is behind another one, and is there."""
    key, every = _keys(found)
    return key(bisect_right(every, after, key=key))


def fill_leaf(fields: Any, held: Tallied, keys: Sequence[str], places: Mapping[str, Place]) -> None:
    """Set the fields of a leaf's document to rows of one table."""
    some = [places[key] for key in keys]
    entities = [entity for _, entity in some]
    _entities(fields, entities, held.names)
    if keys[0].startswith(DAYS):
        set_strings(fields, "days", [day for day, _ in some])
        for n, name in enumerate(_TOTALS[:2]):
            set_numbers(fields, name, [held.days[place][n] for place in some])
        return
    for n, name in enumerate(_TOTALS):
        set_numbers(fields, name, [held.totals[entity][n] for entity in entities])


def size_of(found: Any) -> int:
    """Return at most what the fields of a document take, without their names."""
    return sum(map(_value_bytes, found.fields.values()))


def number_of(found: Any, name: str) -> int:
    """Return a number of a document; 0 where it has none."""
    return int(found.fields[name].integer_value) if name in found.fields else 0


def _keys(found: Any) -> tuple[Callable[[int], str], range]:
    """Return what gives the key of a row by its place, and all places; keys ascend."""
    fields = found.fields
    texts, labels = (_array(fields, name) for name in ("texts", "labels"))
    days = _array(fields, "days")

    def key(place: int) -> str:
        entity = texts[place].string_value, labels[place].string_value
        return day_key(days[place].string_value, *entity) if days else total_key(*entity)

    return key, range(len(texts))


def _entities(fields: Any, entities: Iterable[Entity], names: Mapping[Entity, str]) -> None:
    set_strings(fields, "texts", [entity.text for entity in entities])
    set_strings(fields, "labels", [entity.label for entity in entities])
    set_strings(fields, "names", [names.get(entity, "") for entity in entities])


def _read_entities(fields: Any, some: slice = _EVERY) -> list[Entity]:
    texts, labels = (strings_of(fields, name, some) for name in ("texts", "labels"))
    return [Entity(*both) for both in zip(texts, labels, strict=True)]


def set_strings(fields: Any, name: str, texts: Iterable[str]) -> None:
    """Set a field to an array of texts."""
    array = fields[name].array_value
    array.SetInParent()
    array.values.extend(Value(string_value=text) for text in texts)


def set_numbers(fields: Any, name: str, numbers: Iterable[int]) -> None:
    """Set a field to an array of whole numbers."""
    array = fields[name].array_value
    array.SetInParent()
    array.values.extend(Value(integer_value=number) for number in numbers)


def strings_of(fields: Any, name: str, some: slice = _EVERY) -> list[str]:
    """Return the texts of a field's array; []: there is no such field."""
    return [value.string_value for value in _array(fields, name)[some]]


def numbers_of(fields: Any, name: str, some: slice = _EVERY) -> list[int]:
    """Return the numbers of a field's array; []: there is no such field."""
    return [value.integer_value for value in _array(fields, name)[some]]


def _array(fields: Any, name: str) -> Any:
    return fields[name].array_value.values if name in fields else ()


def _text_bytes(*texts: str) -> int:
    size = len(texts)
    for text in texts:
        # Most are: nothing has to be encoded to know their bytes.
        size += len(text) if text.isascii() else len(text.encode())
    return size


def _value_bytes(value: Any) -> int:
    match value.WhichOneof("value_type"):
        case "string_value":
            return _text_bytes(value.string_value)
        case "map_value":
            return sum(map(_value_bytes, value.map_value.fields.values())) + _ELEMENT_BYTES
        case "array_value":
            return sum(map(_value_bytes, value.array_value.values))
        case _:
            return _NUMBER_BYTES
