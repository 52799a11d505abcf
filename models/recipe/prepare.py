"""Turn the corpora into spaCy's training format: `python prepare.py --output DIR`.

What a corpus does not annotate is *missing*, not absent:

- A token outside every entity is O ("not an entity") in a corpus that annotates all labels.
- In one that does not (the UNER corpora have no NORP, EVENT, ...; gmb_clean no works or products),
  a word that could begin a name of such a label, that is a capitalised one that is no stop word,
  title, month or first word of a sentence, gets no annotation at all: the model may find anything
  there at no cost. Everything else stays O: names that begin in lower case are too rare to give up
  the negative examples.
- But such a word is known not to be an entity of a label that the corpus does annotate. spaCy takes
  that as "incorrect spans": one per label for each such word, and for each whole run of them.

DocRED and WikiGold put events, works and products under MISC. Where the corpora that tell them
apart agree on a string, or its words say that it is an event ("... Cup"), that label is taken.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import spacy
from corpora import (
    DEFAULT_CORPORA,
    LABELS,
    TRAIN,
    CorporaError,
    Document,
    annotated_labels,
    read,
    titles_and_dates,
)
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

DEV_PERCENT = 4
"""Share of the training splits' documents that is kept for choosing between models."""

TIMES = {"crossner": 2, "gum": 2, "wikigold": 2, "uner_ewt": 2}
"""How often the documents of the small corpora are seen per epoch; of the others, once."""

ONCE: Mapping[str, int] = MappingProxyType({})

INCORRECT_SPANS = "incorrect_spans"

_BROAD_MISC = frozenset({"docred", "wikigold"})
_FINE = frozenset({"EVENT", "WORK_OF_ART", "PRODUCT"})
_NAME_START = re.compile(r"[A-Z]")
_SENTENCE_END = frozenset(".?!:;\"\u201c\u2018'([-\u2013\u2014")
_EVENT = re.compile(
    r"^(?:Battle|Siege) of |\b(?:War|Wars|Cup|Olympics|Games|Championships?|Festival|Elections?"
    r"|Revolution|Tournament|Grand Prix|Uprising|Rebellion|Massacre|Marathon)(?: I| II)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Labelled:
    """A tokenised document with its entities, and which corpus it is of."""

    source: str
    doc: Doc


def load(
    corpora: Path, *, without: Sequence[str] = (), limit: int | None = None
) -> tuple[list[Labelled], list[Labelled]]:
    """Return the documents to train on, and those for development.

    `without` names corpora to leave out ("gmb_clean"), `limit` bounds the documents of each split.
    Raises CorporaError if the corpora are not there.
    """
    splits = [split for split in TRAIN if split.split("/")[0] not in without]
    documents = [document for split in splits for document in islice(read(corpora, split), limit)]
    nlp = spacy.blank("en")
    no_names = titles_and_dates(corpora)
    train: list[Labelled] = []
    dev: list[Labelled] = []
    for document in refine_misc(documents):
        labelled = Labelled(document.source, annotate(nlp, document, no_names))
        (dev if is_dev(document.doc_id) else train).append(labelled)
    print(
        f"{len(train)} documents to train on, {len(dev)} for development, from {len(splits)} files"
    )
    return train, dev


def save(labelled: Iterable[Labelled], path: Path, *, times: Mapping[str, int] = ONCE) -> Path:
    """Write the documents as spaCy's training does, and return the path.

    `times` says how often the documents of a corpus are repeated.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    together = DocBin()
    for one in labelled:
        for _ in range(times.get(one.source, 1)):
            together.add(one.doc)
    together.to_disk(path)
    return path


def is_dev(doc_id: str) -> bool:
    """Say whether a document is kept for development: by its id, so the same in every run."""
    digest = hashlib.sha256(doc_id.encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < DEV_PERCENT


def refine_misc(documents: Sequence[Document]) -> Iterator[Document]:
    """Yield the documents, MISC made EVENT, WORK_OF_ART or PRODUCT where it is known to be one."""
    labels_of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for document in documents:
        if document.source not in _BROAD_MISC:
            for start, end, label in document.entities:
                labels_of[document.text[start:end]][label] += 1

    def refine(text: str, label: str) -> str:
        if label != "MISC":
            return label
        if text in labels_of:
            likely, count = labels_of[text].most_common(1)[0]
            if likely in _FINE and 2 * count > labels_of[text].total():
                return likely
        return "EVENT" if _EVENT.search(text) else label

    for document in documents:
        if document.source in _BROAD_MISC:
            entities = tuple(
                (start, end, refine(document.text[start:end], label))
                for start, end, label in document.entities
            )
            yield replace(document, entities=entities)
        else:
            yield document


def annotate(nlp: Language, document: Document, no_names: frozenset[str]) -> Doc:
    """Return the tokenised document with its entities, and with what is missing left missing.

    An entity whose ends are not ends of tokens becomes missing as well: nothing is known about
    its tokens except that a part of them is an entity.
    """
    doc = nlp.make_doc(document.text)
    spans: list[Span] = []
    missing: set[int] = set()
    for start, end, label in document.entities:
        span = doc.char_span(start, end, label=label)
        if span is not None:
            spans.append(span)
        else:
            missing.update(t.i for t in doc if t.idx < end and start < t.idx + len(t))
    annotated = annotated_labels(document.source)
    if not annotated.issuperset(LABELS):
        taken = {token.i for span in spans for token in span}
        runs = list(_unknown_runs(doc, taken | missing, no_names))
        missing.update(i for start, end in runs for i in range(start, end))
        doc.spans[INCORRECT_SPANS] = [
            Span(doc, start, end, label=label)
            for start, end in _runs_and_their_words(runs)
            for label in sorted(annotated)
        ]
    missing.difference_update(token.i for span in spans for token in span)
    doc.set_ents(spans, missing=[doc[i : i + 1] for i in sorted(missing)], default="outside")
    return doc


def _unknown_runs(doc: Doc, known: set[int], no_names: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of runs of tokens that could be names of labels nobody annotated."""
    start: int | None = None
    for token in doc:
        opens_sentence = (
            token.i == 0
            or doc[token.i - 1].text[-1] in _SENTENCE_END
            or (doc[token.i - 1].is_space)
        )
        could_be = (
            token.i not in known
            and _NAME_START.match(token.text) is not None
            and not token.is_stop
            and token.text.rstrip(".") not in no_names
            and not (opens_sentence and start is None)
        )
        if could_be and start is None:
            start = token.i
        elif not could_be and start is not None:
            yield start, token.i
            start = None
    if start is not None:
        yield start, len(doc)


def _runs_and_their_words(runs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    spans = set(runs)
    spans.update((i, i + 1) for start, end in runs for i in range(start, end))
    return sorted(spans)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the training texts."""
    parser.add_argument(
        "--corpora", type=Path, default=DEFAULT_CORPORA, help="the folder with the corpora"
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="NAME",
        choices=sorted({split.split("/")[0] for split in TRAIN}),
        help="a corpus to leave out, such as gmb_clean; may be repeated",
    )
    parser.add_argument(
        "--limit", type=int, default=None, metavar="N", help="at most N documents of each file"
    )


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description="Turn the corpora into spaCy's training format.")
    add_arguments(parser)
    parser.add_argument("--output", type=Path, required=True, help="where the .spacy files go")
    args = parser.parse_args()
    try:
        train, dev = load(args.corpora, without=args.without, limit=args.limit)
        save(train, args.output / "train.spacy", times=TIMES)
        save(dev, args.output / "dev.spacy")
    except CorporaError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
