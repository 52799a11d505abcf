"""Shows at start that the fast path finds what the pipeline finds."""

from collections.abc import Sequence
from itertools import islice

from spacy.language import Language

from newstally_extractor.fast.pipeline import FastPipeline
from newstally_extractor.fast.proof_texts import EDGES, SENTENCES, salads
from newstally_extractor.pipelines.entities import Entity, stock_entities

_SALADS = 10
_SEARCHED = 200
"""Texts looked through, by the fast path alone, for labels that the others do not have."""


def prove(nlp: Language, fast: FastPipeline) -> str | None:
    """Compare both on texts made for it; takes a second or two.

    Returns None when all entities are the same, otherwise what is not, to be shown to the user.
    """
    texts = [*EDGES, *SENTENCES, " ".join(SENTENCES), *islice(salads(1), _SALADS)]
    try:
        texts += _with_missing_labels(fast, texts)
        ours = fast.entities(texts)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the pipeline itself still works
        return f"the fast path failed with {type(error).__name__}: {error}"
    if fast.handed_back > len(texts) // 4:
        return f"it is in doubt about {fast.handed_back} of {len(texts)} texts"
    theirs = stock_entities(nlp, texts)
    for text, found, expected in zip(texts, ours, theirs, strict=True):
        if found != expected:
            return f"{_first_difference(found, expected)} in {text[:60]!r}"
    return None


def _with_missing_labels(fast: FastPipeline, texts: Sequence[str]) -> list[str]:
    """Search for texts with the labels that none of these has."""
    missing = set(fast.labels) - _labels(fast.entities(texts))
    found: list[str] = []
    candidates = list(islice(salads(2), _SEARCHED)) if missing else []
    for text, entities in zip(candidates, fast.entities(candidates), strict=True):
        if new := _labels([entities]) & missing:
            missing -= new
            found.append(text)
    return found


def _labels(entities: Sequence[Sequence[Entity]]) -> set[str]:
    return {label for each in entities for _, _, label in each}


def _first_difference(found: Sequence[Entity], expected: Sequence[Entity]) -> str:
    extra, lacking = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
    return f"it found {extra[:1] or 'nothing'} instead of {lacking[:1] or 'nothing'}"
