"""Places that act: "Russia announced", "Beijing believes", "Australia lost to England".

Some guidelines call these organisations, others places. `uner_pud_news` has them as organisations,
the corpora that are trained on nearly always as places, and so has this project: a country is a
GPE. To tell how much of a score is that, such names can be counted as places everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from corpora import TRAIN, Document, read
from development import HUMAN

SEEN = 5
"""How often, at least, a name was annotated to be known."""

SHARE = 0.9
"""Share of that, at least, in which it was annotated as a GPE."""


def known_places(corpora: Path) -> frozenset[str]:
    """Return the names that people annotated as states and cities in the texts to train on.

    Raises CorporaError if the corpora are not there.
    """
    splits = [split for split in TRAIN if split.split("/")[0] in HUMAN]
    return places_of(document for split in splits for document in read(corpora, split))


def places_of(documents: Iterable[Document]) -> frozenset[str]:
    """Return the names that are annotated as states and cities in the documents."""
    seen: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for document in documents:
        for start, end, label in document.entities:
            seen[document.text[start:end]] += 1
            places[document.text[start:end]] += label == "GPE"
    return frozenset(
        name for name, times in seen.items() if times >= SEEN and places[name] >= SHARE * times
    )


def as_places(document: Document, places: frozenset[str]) -> Document:
    """Return the document, its organisations that have the name of a place counted as places."""
    entities = tuple(
        (start, end, "GPE" if label == "ORG" and document.text[start:end] in places else label)
        for start, end, label in document.entities
    )
    return replace(document, entities=entities)
