"""Texts with names that the corpora lack, in the contexts of those that they have.

Which word can be a name was asked of the teacher. What it is in its new place the teacher says when
it reads these texts: a company's name in a person's place may be a person there, or the teacher may
not be sure. From them the small model learns what its word vectors say, as it cannot know these
names by heart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from patterns import COMPANY_WORDS
from prepare import Labelled
from selftraining import ARTICLES, SILVER
from spacy.tokens import Doc, Span
from swap import Name, rebuilt

SILVER_DOCUMENTS = 3_000
"""Machine-labelled documents among those that are changed, at most."""

ARTICLE_DOCUMENTS = 800
"""Articles among them, at most."""

SHARE = 0.6
"""Share of the names in them that are replaced."""

_SEED = 11
_ACRONYM = 4
"""Letters up to which a name may be all capitals."""

_COMPANIES = 0.4
"""Share of the short names of organisations that become two words, as of a company."""

_OPEN = frozenset({"PERSON", "ORG", "GPE", "LOC", "PRODUCT", "MISC", "FAC", "EVENT"})
"""Labels whose names are replaced; nationalities are known, and works are not single words."""


def invented(train: Sequence[Labelled], names: Sequence[str]) -> Iterator[Labelled]:
    """Yield documents of `train` with some of `names` in them, and the labels that were there."""
    draw = random.Random(_SEED)
    human: dict[str, Doc] = {}
    for one in train:
        if one.source not in SILVER | {ARTICLES}:
            human.setdefault(one.doc.text, one.doc)
    silver = [one.doc for one in train if one.source in SILVER]
    documents = list(human.values())
    documents += draw.sample(silver, min(SILVER_DOCUMENTS, len(silver)))
    others = [one.doc for one in train if one.source == ARTICLES]
    documents += draw.sample(others, min(ARTICLE_DOCUMENTS, len(others)))
    draw.shuffle(documents)
    for doc in documents:
        changed = _changed(doc, names, draw)
        if changed is not None:
            yield Labelled("invented", changed)


def _changed(doc: Doc, names: Sequence[str], draw: random.Random) -> Doc | None:
    chosen: dict[tuple[str, str], Name | None] = {}
    for entity in doc.ents:
        key = (entity.text, entity.label_)
        if key not in chosen:
            wanted = draw.random() < SHARE and entity.label_ in _OPEN
            chosen[key] = _new_name(entity, names, draw) if wanted else None
    return rebuilt(doc, chosen) if any(chosen.values()) else None


def _new_name(old: Span, names: Sequence[str], draw: random.Random) -> Name:
    """Return another name: a person's last, the first word of a long one, or all of a short one."""
    name = draw.choice(names)
    all_capitals = len(name) <= _ACRONYM and draw.random() < 0.3
    word = name.upper() if all_capitals else name.capitalize()
    if old.label_ == "PERSON" and len(old) > 1:
        return ((old[0].text, True), (word, False))
    if len(old) > 2 and draw.random() < 0.5:
        return ((word, True), *((token.text, bool(token.whitespace_)) for token in old[1:]))
    if old.label_ == "ORG" and draw.random() < _COMPANIES:
        second = draw.choice(COMPANY_WORDS if draw.random() < 0.7 else names)
        return ((word, True), (second if second in COMPANY_WORDS else second.capitalize(), False))
    return ((word, False),)
