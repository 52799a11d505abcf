"""Sentences made by filling names into patterns, for what the corpora hold little of.

A company may be any name, two names, or a name and a word such as "Holdings"; a team may have the
name of a place. So the model learns to look at what stands around a name, not only at the name.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import spacy
from prepare import Labelled
from spacy.tokens import Span

PATTERNS = Path(__file__).resolve().parent / "patterns.txt"

SOURCE = "patterns"

COPIES = 70
"""How often each pattern is filled."""

COMPANY_WORDS = (
    *("Airlines", "Airways", "Bank", "Brothers", "Capital", "Chemicals", "Energy", "Engineering"),
    *("Entertainment", "Financial", "Foods", "Group", "Holdings", "Industries", "Insurance"),
    *("Interactive", "Labs", "Logistics", "Maritime", "Media", "Motors", "Networks", "Oil"),
    *("Partners", "Pharmaceuticals", "Pictures", "Power", "Records", "Securities", "Shipping"),
    *(
        "Software",
        "Steel",
        "Stores",
        "Studios",
        "Systems",
        "Technologies",
        "Telecom",
        "Therapeutics",
    ),
    *("Inc.", "Corp.", "plc", "Ltd"),
)

TEAM_WORDS = ("City", "FC", "Rangers", "Rovers", "Town", "United", "Wanderers")

_SEED = 13
_CAPITALS = 0.08
"""Share of the sentences in capitals."""

_DATELINES = 0.7
"""Share of the places at the beginning of a report that are in capitals."""

_SLOT = re.compile(r"\{([a-z]+)\}")
_LABELS = {
    "company": "ORG",
    "team": "ORG",
    "person": "PERSON",
    "surname": "PERSON",
    "city": "GPE",
    "place": "GPE",
}
_FREQUENT = 3
"""How often a name stands in the corpora at least, if it is taken from there."""


class Fillers:
    """Names to fill in: from the corpora, and those of other words that a teacher takes for one."""

    def __init__(self, train: Sequence[Labelled], names: Sequence[str], draw: random.Random):
        first: Counter[str] = Counter()
        places: Counter[str] = Counter()
        for one in train:
            for entity in one.doc.ents:
                if entity.label_ == "PERSON" and len(entity) == 2 and entity[0].is_title:
                    first[entity[0].text] += 1
                elif entity.label_ == "GPE" and entity.text.istitle():
                    places[entity.text] += 1
        self._first = [name for name, times in first.items() if times >= _FREQUENT] or ["Ada"]
        self._places = [name for name, times in places.items() if times >= _FREQUENT] or ["Paris"]
        self._names = [name.capitalize() for name in names]
        self._draw = draw
        self._makers: dict[str, Callable[[str], str]] = {
            "city": self._city,
            "company": self._company,
            "number": self._number,
            "person": self._person,
            "place": self._place,
            "surname": str,
            "team": self._team,
        }

    def fill(self, slot: str) -> str:
        """Return something for a slot."""
        name = self._draw.choice(self._names)
        return self._makers[slot](name)

    def _number(self, _name: str) -> str:
        small = self._draw.random() < 0.5
        return str(self._draw.randrange(6) if small else self._draw.randrange(6, 99))

    def _person(self, name: str) -> str:
        return f"{self._draw.choice(self._first)} {name}"

    def _place(self, name: str) -> str:
        return self._draw.choice(self._places) if self._draw.random() < 0.8 else name

    def _city(self, name: str) -> str:
        place = self._place(name)
        return place.upper() if self._draw.random() < _DATELINES else place

    def _team(self, name: str) -> str:
        alone = self._draw.random() < 0.75
        base = self._draw.choice(self._places) if self._draw.random() < 0.7 else name
        return base if alone else f"{base} {self._draw.choice(TEAM_WORDS)}"

    def _company(self, name: str) -> str:
        draw, kind = self._draw, self._draw.random()
        if kind < 0.4:
            return name
        if kind < 0.75:
            return f"{name} {draw.choice(COMPANY_WORDS)}"
        if kind < 0.9:
            return f"{name} {draw.choice(self._names)}"
        if kind < 0.95:
            return f"{name} {draw.choice(self._names)} {draw.choice(COMPANY_WORDS)}"
        return f"{draw.choice(self._first)} {name}"


def filled(
    train: Sequence[Labelled], names: Sequence[str], path: Path = PATTERNS
) -> Iterator[Labelled]:
    """Yield the patterns with names in them, in a random order that is the same in each run."""
    draw = random.Random(_SEED)
    fillers = Fillers(train, names, draw)
    lines = path.read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")] * COPIES
    draw.shuffle(patterns)
    nlp = spacy.blank("en")
    for pattern in patterns:
        text, entities, end = "", list[tuple[int, int, str]](), 0
        capitals = draw.random() < _CAPITALS
        for slot in _SLOT.finditer(pattern):
            text += pattern[end : slot.start()]
            filler = fillers.fill(slot[1])
            if slot[1] in _LABELS:
                entities.append((len(text), len(text) + len(filler), _LABELS[slot[1]]))
            text, end = text + filler, slot.end()
        text += pattern[end:]
        if capitals and len(text.upper()) == len(text):
            text = text.upper()
        doc = nlp.make_doc(text)
        found = [doc.char_span(start, stop, label=label) for start, stop, label in entities]
        # A name whose end is no end of a token, "Inc." say, makes a sentence that teaches nothing.
        if all(isinstance(span, Span) for span in found):
            doc.set_ents([span for span in found if span is not None], default="outside")
            yield Labelled(SOURCE, doc)
