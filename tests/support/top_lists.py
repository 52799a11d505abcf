"""What lists must show, sorted plainly, and what their documents show."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from newstally_persister.sinks.firestore.compact.listing.tops import Sizes
from newstally_persister.values.parts import EntityRow, PublicationRow

LENGTHS = {"all": None, "day": 1, "7days": 7, "28days": 28}
"""The lists of a publication, and how many days they have."""
_EPOCH = date(1970, 1, 1).toordinal()


def plain(
    rows: Sequence[EntityRow],
    own: Sequence[PublicationRow],
    length: int | None,
    limit: int,
    sizes: Sizes,
) -> dict[str, Any]:
    """Return what a list must show of these rows. `limit`: the latest day that may be the last."""
    if length is None:
        return _lists([(r.text, r.label, r.name, r.mentions, r.articles) for r in rows], sizes)
    last = max(day for some in (rows, own) for r in some for day, *_ in r.days if day <= limit)
    within = range(last - length + 1, last + 1)
    counts = [
        (r.text, r.label, r.name, mentions, articles)
        for r in rows
        for day, mentions, articles in r.days
        if day in within
    ]
    return {
        "first": date.fromordinal(within[0] + _EPOCH).isoformat(),
        "last": date.fromordinal(last + _EPOCH).isoformat(),
        "articles": sum(articles for r in own for day, _, articles in r.days if day in within),
        **_lists(counts, sizes),
    }


def _lists(counts: Iterable[tuple[str, str, str | None, int, int]], sizes: Sizes) -> dict[str, Any]:
    sums: dict[tuple[str, str], list[Any]] = {}
    for text, label, name, mentions, articles in counts:
        of = sums.setdefault((text, label), ["", 0, 0])
        of[0] = name or of[0]
        of[1] += mentions
        of[2] += articles
    rows = [
        {"text": text, "label": label, "name": of[0], "mentions": of[1], "articles": of[2]}
        for (text, label), of in sums.items()
    ]
    rows.sort(key=lambda row: (-row["mentions"], row["text"], row["label"]))
    labels: dict[str, list[Any]] = {}
    for row in rows:
        labels.setdefault(row["label"], []).append(row)
    chosen = sorted(labels, key=lambda label: (-labels[label][0]["mentions"], label))
    return {
        "rows": rows[: sizes.rows],
        "more": len(rows) > sizes.rows,
        "labels": [
            {
                "label": label,
                "rows": labels[label][: sizes.label_rows],
                "more": len(labels[label]) > sizes.label_rows,
            }
            for label in sorted(chosen[: sizes.labels])
        ],
        "more_labels": len(labels) > sizes.labels,
    }


def shown(document: Any) -> dict[str, Any]:
    """Return what a document has, as a client shows it."""
    return {name: _value(value) for name, value in document.fields.items()}


def _value(value: Any) -> Any:
    match value.WhichOneof("value_type"):
        case "array_value":
            return [_value(each) for each in value.array_value.values]
        case "map_value":
            fields: Mapping[str, Any] = value.map_value.fields
            return {name: _value(each) for name, each in fields.items()}
        case kind:
            return getattr(value, str(kind))
