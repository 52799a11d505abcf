"""The documents of lists: what a page reads, or listens to. Pure.

    .../publications/{id}/lists/{all, day, 7days, 28days}
        {journal, flush, parts, [first, last, articles], rows, more, labels, more_labels}
    newstally/compact/lists/publications
        {journal, flush, rows, more}

Rows are maps, as pages want them: {text, label, name, mentions, articles}; of a label's list, in
`labels`: {label, rows, more}; of publications {key, name, mentions, articles}. No text is the name
of a field. Whatever the texts are, a document has at most 400 KB: what does not fit is `more`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from google.cloud.firestore_v1.types import document

from newstally_persister.sinks.base import PublicationTally
from newstally_persister.sinks.firestore.compact.listing.tops import Listed, Tops
from newstally_persister.sinks.firestore.compact.listing.tracked import ALL, Snapshot, Window
from newstally_persister.sinks.firestore.writes import Write

LISTS = "lists"
PUBLICATIONS = "publications"
"""The list of publications."""
ROWS_BYTES = 128 * 1024
"""Of the rows of a list over all labels, or of publications."""
LABEL_BYTES = 10 * 1024
"""Of the rows of a label."""
_ROW_BYTES = 100
"""Of a row, what is not of its texts."""
_Value = document.Value.pb()
Row = TypeVar("Row")


class ListedPublications(NamedTuple):
    """The list of publications."""

    journal_id: str
    flush: int
    """That is complete in what it shows."""
    rows: Sequence[PublicationTally]
    more: bool


def list_name(parent: str, name: str) -> str:
    """Return the name of a list's document; `parent` is a publication's, or the layout's root."""
    return f"{parent}/{LISTS}/{name}"


def snapshot_documents(parent: str, snapshot: Snapshot) -> dict[str, Any]:
    """Return the writes of a publication's lists, by the list's name, without preconditions."""
    made = {ALL: _write(parent, ALL, snapshot, snapshot.all)}
    for name, window in snapshot.windows.items():
        write = made[name] = _write(parent, name, snapshot, window.tops)
        _fill_window(write.update.fields, window)
    return made


def publications_document(root: str, shown: ListedPublications) -> Any:
    """Return the write of the list of publications, without a precondition."""
    write = Write()
    write.update.name = list_name(root, PUBLICATIONS)
    fields = write.update.fields
    fields["journal"].string_value = shown.journal_id
    fields["flush"].integer_value = shown.flush
    fitting = _fitting(shown.rows, ROWS_BYTES, lambda row: row.key + row.name)
    fields["rows"].array_value.SetInParent()
    for row in fitting:
        held = fields["rows"].array_value.values.add().map_value.fields
        held["key"].string_value = row.key
        held["name"].string_value = row.name
        held["mentions"].integer_value = row.mentions
        held["articles"].integer_value = row.articles
    fields["more"].boolean_value = shown.more or len(fitting) < len(shown.rows)
    return write


def _write(parent: str, name: str, snapshot: Snapshot, tops: Tops) -> Any:
    write = Write()
    write.update.name = list_name(parent, name)
    fields = write.update.fields
    fields["journal"].string_value = snapshot.journal_id
    fields["flush"].integer_value = snapshot.flush
    fields["parts"].integer_value = snapshot.parts
    _fill_rows(fields, tops.rows, ROWS_BYTES, more=tops.more)
    labels = fields["labels"].array_value
    labels.SetInParent()
    for each in tops.labels:
        of_label = labels.values.add().map_value.fields
        of_label["label"].string_value = each.label
        _fill_rows(of_label, each.rows, LABEL_BYTES, more=each.more)
    fields["more_labels"].boolean_value = tops.more_labels
    return write


def _fill_window(fields: Any, window: Window) -> None:
    fields["first"].string_value = window.first
    fields["last"].string_value = window.last
    fields["articles"].integer_value = window.articles


def _fill_rows(fields: Any, rows: Sequence[Listed], size_bytes: int, *, more: bool) -> None:
    fitting = _fitting(rows, size_bytes, lambda row: row.text + row.label + row.name)
    array = fields["rows"].array_value
    array.SetInParent()
    array.values.extend(map(_row, fitting))
    fields["more"].boolean_value = more or len(fitting) < len(rows)


def _row(row: Listed) -> Any:
    value = _Value()
    fields = value.map_value.fields
    fields["text"].string_value = row.text
    fields["label"].string_value = row.label
    fields["name"].string_value = row.name
    fields["mentions"].integer_value = row.mentions
    fields["articles"].integer_value = row.articles
    return value


def _fitting(rows: Sequence[Row], size_bytes: int, texts: Callable[[Row], str]) -> Sequence[Row]:
    """Return as many rows as so many bytes take; one always fits."""
    size = 0
    for number, row in enumerate(rows):
        size += _ROW_BYTES + len(texts(row).encode())
        if number and size > size_bytes:
            return rows[:number]
    return rows


def read_rows(fields: Any) -> list[Listed]:
    """Return the rows of a list's document, or of a label in it."""
    return [_read_row(value.map_value.fields) for value in fields["rows"].array_value.values]


def read_label(fields: Any, label: str) -> Any:
    """Return what a list's document has of a label, as `rows` and `more`; None: nothing."""
    for value in fields["labels"].array_value.values:
        if value.map_value.fields["label"].string_value == label:
            return value.map_value.fields
    return None


def read_publications(found: Any) -> list[PublicationTally]:
    """Return the rows of the list of publications."""
    rows = []
    for value in found.fields["rows"].array_value.values:
        fields = value.map_value.fields
        counts = (fields[name].integer_value for name in ("mentions", "articles"))
        rows.append(
            PublicationTally(fields["key"].string_value, fields["name"].string_value, *counts)
        )
    return rows


def there_are_more(found: Any) -> bool:
    """Return whether a list's document says that it does not show everything."""
    return bool(found.fields["more"].boolean_value) if "more" in found.fields else False


def _read_row(fields: Any) -> Listed:
    text, label, name = (fields[each].string_value for each in ("text", "label", "name"))
    counts = (fields[each].integer_value for each in ("mentions", "articles"))
    return Listed(text, label, name, *counts)
