"""The annotated corpora: where their documents are, and what they say in the common labels."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

LABELS = (
    "PERSON",
    "ORG",
    "GPE",
    "LOC",
    "NORP",
    "FAC",
    "EVENT",
    "WORK_OF_ART",
    "PRODUCT",
    "MISC",
)
"""What the model finds. The corpora's DATE is dropped: tallies leave dates out."""

COARSE = {"PERSON": "PER", "ORG": "ORG", "GPE": "PLACE", "LOC": "PLACE", "FAC": "PLACE"}
"""GPE, LOC and FAC were told apart by word lists, not by people; folded they compare fairly."""

TRAIN = (
    "gmb_clean/train",
    "docred/train",
    "crossner/train",
    "crossner/dev",
    "gum/train",
    "wikigold/train",
    "uner_ewt/train",
)
"""Splits to train on. crossner/dev is one: hardly anything else has EVENT, WORK_OF_ART, PRODUCT."""

HELD_OUT = (
    "uner_pud_news/dev",
    "gmb_clean/dev",
    "docred/dev",
    "crossner/test",
    "gum/dev",
)
"""Splits to measure on, the only human-annotated news first. Never to be trained on."""

DEFAULT_CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
"""`../shared/corpora`, relative to the root of the repository."""

_FEW = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC"})
_ALL = frozenset(LABELS)
_ANNOTATED = {
    "uner_ewt": _FEW,
    "uner_pud": _FEW,
    "gmb_clean": _FEW | {"NORP", "EVENT"},
    "docred": _ALL,
    "crossner": _ALL,
    "gum": _ALL,
    "wikigold": _ALL,
    "hard": _ALL,
}


@dataclass(frozen=True)
class Document:
    """One text with its entities as (start, end, label) in characters, without overlaps."""

    source: str
    doc_id: str
    text: str
    entities: tuple[tuple[int, int, str], ...]


class CorporaError(Exception):
    """The corpora are not where they were said to be, or are not what they should be."""


def annotated_labels(source: str) -> frozenset[str]:
    """Return the labels that `source` annotates; the others are missing there, not absent.

    Raises CorporaError for an unknown source: guessing would make missing labels absent.
    """
    if source not in _ANNOTATED:
        raise CorporaError(f"it is not known which labels {source!r} annotates")
    return _ANNOTATED[source]


def read(corpora: Path, split: str) -> Iterator[Document]:
    """Yield the documents of `split` ("docred/dev") in the common labels, in the file's order.

    Raises CorporaError if there is no such split, or no `mapping.py` beside it.
    """
    mapping = _load_mapping(corpora)
    path = corpora / f"{split}.jsonl.gz"
    if not path.is_file():
        raise CorporaError(f"no corpus file {path}")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = mapping.to_common(json.loads(line))
            entities = _without_overlaps(
                (int(start), int(end), str(label))
                for start, end, label in row["ents"]
                if label in LABELS
            )
            yield Document(row["source"], row["doc_id"], row["text"], tuple(entities))


def _without_overlaps(
    entities: Iterator[tuple[int, int, str]],
) -> Iterator[tuple[int, int, str]]:
    last_end = 0
    for start, end, label in sorted(entities):
        if last_end <= start < end:
            yield start, end, label
            last_end = end


def titles_and_dates(corpora: Path) -> frozenset[str]:
    """Return the capitalised words that are no names: titles ("President"), months, weekdays."""
    mapping = _load_mapping(corpora)
    return frozenset(mapping.TITLES) | frozenset(mapping.MONTHS)


_mappings: dict[Path, ModuleType] = {}


def _load_mapping(corpora: Path) -> ModuleType:
    """Import the corpora's own `mapping.py` by its path: one truth about labels, not a copy."""
    corpora = corpora.resolve()
    if corpora not in _mappings:
        path = corpora / "mapping.py"
        spec = importlib.util.spec_from_file_location("newstally_corpora_mapping", path)
        if not path.is_file() or spec is None or spec.loader is None:
            raise CorporaError(f"no mapping.py in {corpora}; name the folder with --corpora")
        module = importlib.util.module_from_spec(spec)
        # It imports its word lists from the file beside it. The folder may be read-only.
        sys.path.insert(0, str(corpora))
        write_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(corpora))
            sys.dont_write_bytecode = write_bytecode
        _mappings[corpora] = module
    return _mappings[corpora]
