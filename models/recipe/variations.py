"""Parts of texts with each tag's probability, varied anew each time they are read.

With other names of the same label, as headlines, in lower case, with curly quotes: as augment.py
does for spaCy, but of words as numbers.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from forms import Forms, Integers
from selftraining import SURE
from spacy.tokens import Doc
from tags import Probabilities, spans
from windows import windows

Part = tuple[Integers, Probabilities]
"""Words as forms' numbers, and how probable each tag is: words by tags."""


@dataclass(frozen=True)
class Varying:
    """How probable each change is, 0 to 1."""

    lower: float = 0.03
    headline: float = 0.08
    """Of the first sentence; half of them in capitals."""
    curly: float = 0.3
    """Unless one of the above is made."""
    swap: float = 0.15
    """Of each name."""


@dataclass(frozen=True)
class Lesson:
    """A part of a text, of at most a window's size."""

    words: Integers
    """Forms' numbers."""
    tags: Probabilities
    """Probabilities: words by tags."""
    names: list[tuple[int, int, str]]
    """What it most probably holds: first token, the one behind the last, label."""


def lessons_of(doc: Doc, tags: Probabilities, forms: Forms) -> Iterator[Lesson]:
    """Yield a document's parts."""
    words = forms.numbers([token.text for token in doc])
    for start, end in windows(doc):
        part = tags[start:end]
        names = list(spans(part.argmax(axis=1)))
        yield Lesson(words[start:end], part, names)


class Variations:
    """Lessons as they are read this time."""

    def __init__(
        self, lessons: Sequence[Lesson], forms: Forms, varying: Varying, seed: int
    ) -> None:
        self._variants = forms.variants
        self._varying = varying
        self._draw = random.Random(seed)
        self._donors: defaultdict[str, list[Part]] = defaultdict(list)
        self._ends = {forms.numbers([mark])[0] for mark in ".?!" if mark in forms.texts}
        for lesson in lessons:
            for start, end, label in lesson.names:
                tags = lesson.tags[start:end]
                if tags.max(axis=1).min() >= SURE:
                    self._donors[label].append((lesson.words[start:end], tags))

    def varied(self, lesson: Lesson) -> Part:
        """Return words and tags, changed or not."""
        words, tags = self._swapped(lesson)
        draw = self._draw.random()
        if draw < self._varying.lower:
            words = self._variants["lower"][words]
        elif draw < self._varying.lower + self._varying.headline:
            upper = self._draw.random() < 0.5
            change = self._variants["upper" if upper else "capitalised"]
            end = next((i for i, word in enumerate(words) if word in self._ends), len(words))
            words = np.concatenate([change[words[:end]], words[end:]])
        elif self._draw.random() < self._varying.curly:
            words = self._variants["curly"][words]
        return words, tags

    def _swapped(self, lesson: Lesson) -> Part:
        words, tags, last = [], [], 0
        for start, end, label in lesson.names:
            donors = self._donors[label]
            if donors and self._draw.random() < self._varying.swap:
                name, its_tags = self._draw.choice(donors)
                words += [lesson.words[last:start], name]
                tags += [lesson.tags[last:start], its_tags]
                last = end
        if not words:
            return lesson.words, lesson.tags
        words.append(lesson.words[last:])
        tags.append(lesson.tags[last:])
        return np.concatenate(words), np.concatenate(tags)
