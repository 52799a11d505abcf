"""What a store holds by day, read from the store itself: plainly, without the persister."""

import os
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

EPOCH = date(1970, 1, 1).toordinal()
Days = Counter[tuple[str, str, str, str, str]]
"""(publication key, text, label, "mentions" or "articles", place) to the number. Text and label are
empty for the publication itself. A place is a day, "2026-11-21", or with Firestore also a month,
"2026-11", "outside", or "": all of it, whenever."""

_ROWS = """
SELECT key, '', '', day, d.mentions, d.articles FROM publication_days d
JOIN publication_tallies USING (publication) UNION ALL
SELECT p.key, n.text, n.label, day, d.mentions, d.articles FROM entity_days d
JOIN publication_tallies p USING (publication) JOIN entity_names n USING (entity)
"""


def of_sqlite(path: Path) -> Days:
    """Read the file of a SQLite sink: days alone, no months."""
    found: Days = Counter()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for key, text, label, day, mentions, articles in connection.execute(_ROWS):
            place = date.fromordinal(day + EPOCH).isoformat()
            found[key, text, label, "mentions", place] += mentions
            found[key, text, label, "articles", place] += articles
    return +found


def of_firestore(project: str, emulator: str, *, totals: bool = False) -> Days:
    """Read all documents of a project in an emulator, of either layout.

    Days, and in the layout `documents` months beside them. With `totals` also what there is in all.
    """
    found: Days = Counter()
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator
    client = Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    for publication in client.collection("publications").stream():
        document = publication.to_dict() or {}
        key = str(document["key"])
        _add(found, (key, "", ""), document, totals=totals)
        for entity in publication.reference.collection("entities").stream():
            row = entity.to_dict() or {}
            _add(found, (key, str(row["text"]), str(row["label"])), row, totals=totals)
    for publication in client.collection("newstally/compact/publications").stream():
        _add_compact(found, publication, totals=totals)
    client.close()  # type: ignore[no-untyped-call]
    return +found


def _add_compact(found: Days, publication: Any, *, totals: bool) -> None:
    """Add a publication of a compact database: days alone, no months."""
    from support.compact_plain import rows  # noqa: PLC0415 - beside the tests

    document = publication.to_dict()
    key = str(document["key"])
    if totals:
        for what in ("mentions", "articles"):
            found[key, "", "", what, ""] += document[what]
    tallies = publication.reference.collection("tallies").stream()
    for text, label, day, *counts in rows({each.id: each.to_dict() for each in tallies}):
        if totals or day:
            for what, number in zip(("mentions", "articles"), counts, strict=True):
                found[key, text, label, what, day] += number


def in_documents(days: Days) -> Days:
    """Return where Firestore keeps what is of a day: see firestore_days.places."""
    from support.firestore_days import days_from, places  # noqa: PLC0415 - beside the tests

    today = datetime.now(UTC).date()
    found: Days = Counter()
    for (*row, day), number in days.items():
        for place in places(date.fromisoformat(day).toordinal() - EPOCH, today, days_from(today)):
            found[row[0], row[1], row[2], row[3], place] += number
    return found


def _add(found: Days, row: tuple[str, str, str], document: dict[str, Any], *, totals: bool) -> None:
    places: dict[str, dict[str, int]] = dict(document.get("months", {}))
    if totals:
        places[""] = {what: document.get(what, 0) for what in ("mentions", "articles")}
    for month, days in document.get("days", {}).items():
        places.update({f"{month}-{day}": counts for day, counts in days.items()})
    if "outside" in document:
        places["outside"] = document["outside"]
    for place, counts in places.items():
        for what, number in counts.items():
            found[*row, what, place] += number
