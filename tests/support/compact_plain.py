"""Reads a publication of a compact database as docs/compact.md describes it, without the sink."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str, str, int, int]
"""(text, label, day or "" for all of it, mentions, articles)."""


def rows(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    """Yield the rows of all documents of one `tallies` collection, by their ids.

    A row may come several times: what it is about has the sum. Documents must be as of one moment.
    """
    head = documents.get("head", {})
    for table in ("all", "days"):
        waiting = head.get(table, {})
        for place, name in enumerate(waiting.get("pieces", ())):
            folded = waiting["upto"] if place < waiting["folding"] else ""
            for row in _columns(documents[name]):
                if _key(row) > folded:
                    yield row
    for name, document in documents.items():
        if name.startswith(("all~", "days~")):
            yield from _columns(document)
    for part in documents.get("log", {}).get("log", ()):
        yield from _part(part)


def _columns(document: Mapping[str, Any]) -> Iterator[Row]:
    days = document.get("days", [""] * len(document["texts"]))
    columns = [document[name] for name in ("texts", "labels", "mentions", "articles")]
    for text, label, mentions, articles, day in zip(*columns, days, strict=True):
        yield text, label, day, mentions, articles


def _part(part: Mapping[str, Any]) -> Iterator[Row]:
    columns = [part[name] for name in ("texts", "labels", "mentions", "articles")]
    for text, label, mentions, articles in zip(*columns, strict=True):
        if articles:
            yield text, label, "", mentions, articles
    for row, day, mentions, articles in zip(
        *(part.get(f"day_{of}", ()) for of in ("rows", "numbers", "mentions", "articles")),
        strict=True,
    ):
        yield part["texts"][row], part["labels"][row], part["days"][day], mentions, articles


def _key(row: Row) -> str:
    text, label, day, *_ = row
    encoded = text.encode()
    hashed = hashlib.sha256(f"{len(encoded)} {text}{label}".encode()).hexdigest()
    table = f"days~{day}~" if day else "all~"
    return f"{table}{encoded[:20].hex()}.{hashed[:32]}"
