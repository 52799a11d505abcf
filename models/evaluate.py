"""Measure a pipeline on the held-out texts: `python models/evaluate.py [--model NAME_OR_PATH]`.

Prints precision, recall and F1 in percent for every split and label: an entity counts as found only
if both of its ends and its label are right. Below the labels stand the folded classes PER, ORG and
PLACE (GPE, LOC and FAC as one), and `all`; `as counted` is the same with the labels under which the
extractor counts: it gives one text of a document one label, and leaves debris out. Where a corpus
does not annotate a label, what a pipeline finds of it there is neither right nor wrong and is left
out. Words (white-space separated) per second are of `nlp.pipe` on this machine; pin the numeric
libraries to one thread to compare.

With `--development` it measures on the documents kept back from training instead, corpus by corpus,
and prints the mean of the F1 of the corpora and the F1 over all entities, which a corpus of few
documents moves less. With `--acting-places` states and cities count as places also where a split
has them as organisations. With `--hard` it measures on the sentences of `hard/sentences.tsv`, kind
by kind and all together; that needs no corpora.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import spacy
from newstally_extractor.names.aliases import load_aliases
from newstally_extractor.names.naming import Namer
from spacy.language import Language

# The recipe is a folder of scripts, not a package.
sys.path.insert(0, str(Path(__file__).resolve().parent / "recipe"))

from acting import as_places, known_places
from corpora import (
    COARSE,
    DEFAULT_CORPORA,
    HELD_OUT,
    LABELS,
    CorporaError,
    Document,
    annotated_labels,
    read,
)
from development import HUMAN, kept_back
from hard import read_hard

_NAMER = Namer(load_aliases())

FOLDED = ("PER", "ORG", "PLACE")

Entities = Iterable[tuple[int, int, str]]
"""(start, end, label), the ends in characters."""


@dataclass
class Counts:
    """What became of the entities of one label."""

    found: int = 0
    """Right: in the text and found."""
    wrong: int = 0
    """Found, but not in the text."""
    missed: int = 0
    """In the text, but not found."""

    @property
    def precision(self) -> float:
        """0 to 100; 0 if nothing was found."""
        return _percent(self.found, self.found + self.wrong)

    @property
    def recall(self) -> float:
        """0 to 100; 0 if there was nothing to find."""
        return _percent(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """0 to 100, the harmonic mean of precision and recall."""
        return _percent(2 * self.found, 2 * self.found + self.wrong + self.missed)


@dataclass
class Score:
    """What a pipeline made of one split."""

    split: str
    documents: int = 0
    words: int = 0
    seconds: float = 0.0
    labels: dict[str, Counts] = field(default_factory=dict)
    folded: dict[str, Counts] = field(default_factory=dict)
    counted: dict[str, Counts] = field(default_factory=dict)
    """Folded, with the labels under which the extractor counts: one for one text of a document."""

    @property
    def words_per_second(self) -> float:
        """How fast the pipeline was, on this machine as busy as it was."""
        return self.words / self.seconds if self.seconds else 0.0


def score(nlp: Language, split: str, documents: Sequence[Document]) -> Score:
    """Run `nlp` over the documents and count what it finds against what they say."""
    result = Score(split, documents=len(documents))
    result.words = sum(len(document.text.split()) for document in documents)
    started = time.perf_counter()
    found = [
        [(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents]
        for doc in nlp.pipe(document.text for document in documents)
    ]
    result.seconds = time.perf_counter() - started
    for document, entities in zip(documents, found, strict=True):
        annotated = annotated_labels(document.source)
        gold = [entity for entity in document.entities if entity[2] in annotated]
        predicted = [entity for entity in entities if entity[2] in annotated]
        _count(result.labels, gold, predicted)
        _count(result.folded, _fold(gold), _fold(predicted))
        relabelled = as_counted(document.text, entities)
        _count(
            result.counted,
            _fold(gold),
            _fold(entity for entity in relabelled if entity[2] in annotated),
        )
    return result


def as_counted(text: str, entities: Sequence[tuple[int, int, str]]) -> Entities:
    """Return the entities that the extractor counts, with the labels of their names."""
    names = _NAMER.names(text, entities)
    return [
        (start, end, name[1])
        for (start, end, _), name in zip(entities, names, strict=True)
        if name is not None
    ]


def total(counts: Iterable[Counts]) -> Counts:
    """Return the sum, so that precision, recall and F1 of it are micro-averages."""
    counts = list(counts)
    return Counts(
        sum(count.found for count in counts),
        sum(count.wrong for count in counts),
        sum(count.missed for count in counts),
    )


def selection_score(results: Iterable[Score]) -> float:
    """Return the mean of the folded F1 on the corpora that people annotated, 0 to 100."""
    scores = [total(result.folded.values()).f1 for result in results if result.split in HUMAN]
    return sum(scores) / len(scores) if scores else 0.0


def pooled_score(results: Iterable[Score]) -> float:
    """Return the folded F1 over all entities of the corpora that people annotated, 0 to 100."""
    human = [result for result in results if result.split in HUMAN]
    return total(counts for result in human for counts in result.folded.values()).f1


def render(result: Score) -> str:
    """Return the table of one split as text."""
    lines = [
        f"{result.split}: {result.documents} documents, {result.words} words, "
        f"{result.words_per_second:,.0f} words/s",
        f"  {'':<12} {'P':>6} {'R':>6} {'F1':>6} {'entities':>9}",
    ]
    rows = [(label, result.labels[label]) for label in LABELS if label in result.labels]
    rows.append(("all", total(result.labels.values())))
    rows += [(f"~{name}", result.folded[name]) for name in FOLDED if name in result.folded]
    rows.append(("~all", total(result.folded.values())))
    rows.append(("~as counted", total(result.counted.values())))
    for name, count in rows:
        lines.append(
            f"  {name:<12} {count.precision:6.1f} {count.recall:6.1f} {count.f1:6.1f} "
            f"{count.found + count.missed:9}"
        )
    return "\n".join(lines)


def _count(counts: dict[str, Counts], gold: Entities, predicted: Entities) -> None:
    gold_counter, predicted_counter = Counter(gold), Counter(predicted)
    for entities, name in (
        (gold_counter & predicted_counter, "found"),
        (predicted_counter - gold_counter, "wrong"),
        (gold_counter - predicted_counter, "missed"),
    ):
        for (_, _, label), number in entities.items():
            count = counts.setdefault(label, Counts())
            setattr(count, name, getattr(count, name) + number)


def _fold(entities: Entities) -> list[tuple[int, int, str]]:
    return [(start, end, COARSE[label]) for start, end, label in entities if label in COARSE]


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description="Measure a spaCy pipeline on the held-out texts.")
    parser.add_argument(
        "--model", default="en_newstally", help="an installed pipeline's name, or a path"
    )
    parser.add_argument(
        "--corpora", type=Path, default=DEFAULT_CORPORA, help="the folder with the corpora"
    )
    parser.add_argument(
        "--split", action="append", choices=HELD_OUT, help="only this split; may be repeated"
    )
    parser.add_argument(
        "--development", action="store_true", help="measure on what was kept back from training"
    )
    parser.add_argument(
        "--hard", action="store_true", help="measure on the hard sentences of this repository"
    )
    parser.add_argument(
        "--acting-places",
        action="store_true",
        help="count as a place what the texts to train on have as one, whatever a split says",
    )
    parser.add_argument("--json", action="store_true", help="print counts as JSON, not tables")
    args = parser.parse_args()
    try:
        nlp = spacy.load(args.model)
        # The first texts pay for what is built only once.
        nlp("Berlin is the capital of Germany.")
        if args.hard:
            splits = read_hard()
            splits["hard"] = [sentence for kind in splits.values() for sentence in kind]
        elif args.development:
            splits = kept_back(args.corpora)
        else:
            chosen = args.split or HELD_OUT
            splits = {split: list(read(args.corpora, split)) for split in chosen}
        if args.acting_places:
            places = known_places(args.corpora)
            splits = {
                split: [as_places(document, places) for document in documents]
                for split, documents in splits.items()
            }
        results = [score(nlp, split, documents) for split, documents in splits.items()]
    except CorporaError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot load the pipeline {args.model}: {error}")
    if args.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        print("\n\n".join(render(result) for result in results))
        if args.development:
            print(f"\nmean of the folded F1 where people annotated: {selection_score(results):.2f}")
            print(f"F1 over all entities there: {pooled_score(results):.2f}")


if __name__ == "__main__":
    main()
