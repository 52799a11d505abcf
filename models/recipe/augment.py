"""Variants of training texts as newsrooms and feeds write them. Entities stay where they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry
from swap import Names

Augmenter = Callable[[Language, Example], Iterator[Example]]

_TYPOGRAPHIC = str.maketrans({"'": "\u2019", "`": "\u2018"})


@registry.augmenters("newstally.newsroom.v1")  # type: ignore[untyped-decorator]
def create_newsroom_augmenter(
    lower: float, headline: float, typographic: float, swap: float
) -> Augmenter:
    """Return an augmenter that yields each example once, changed with the given probabilities.

    `lower` is for all of it in lower case, `headline` for a first sentence set like a headline
    ("Storm Hits Coast" or "STORM HITS COAST"), `typographic` for curly quotes, `swap` for another
    name of the same label in a name's place. Probabilities are 0 to 1. Draws from `random`, which
    spaCy's training seeds.
    """
    names = Names()

    def augment(nlp: Language, example: Example) -> Iterator[Example]:
        reference = names.swapped(example.reference, swap)
        words = [token.text for token in reference]
        draw = random.random()
        if draw < lower:
            words = [word.lower() for word in words]
        elif draw < lower + headline:
            words = _as_headline(words, upper=random.random() < 0.5)
        if random.random() < typographic:
            words = _with_curly_quotes(words)
        if reference is example.reference and words == [token.text for token in reference]:
            yield example
        else:
            yield _with_words(nlp, reference, words)

    return augment


def _as_headline(words: list[str], *, upper: bool) -> list[str]:
    end = next((i for i, word in enumerate(words) if word in {".", "?", "!"}), len(words))
    change = str.upper if upper else capitalised
    return [change(word) for word in words[:end]] + words[end:]


def curly(word: str) -> str:
    """Return the word with curly apostrophes."""
    return word.translate(_TYPOGRAPHIC)


def capitalised(word: str) -> str:
    """Return the word as it stands in a headline with capitals: short ones stay small."""
    # Not str.capitalize: that would lower the rest of "NATO" and "McCain".
    return word[:1].upper() + word[1:] if len(word) > 3 else word


def _with_curly_quotes(words: Iterable[str]) -> list[str]:
    changed: list[str] = []
    is_open = False
    for word in words:
        if word == '"':
            is_open = not is_open
            changed.append("\u201c" if is_open else "\u201d")
        else:
            changed.append(curly(word))
    return changed


def _with_words(nlp: Language, reference: Doc, words: list[str]) -> Example:
    spaces = [bool(token.whitespace_) for token in reference]
    changed = Doc(nlp.vocab, words=words, spaces=spaces)
    entities = [(entity.start, entity.end, entity.label_) for entity in reference.ents]
    missing = [changed[t.i : t.i + 1] for t in reference if not t.ent_iob_]
    changed.set_ents(
        [Span(changed, start, end, label) for start, end, label in entities],
        missing=missing,
        default="outside",
    )
    for key, group in reference.spans.items():
        changed.spans[key] = [Span(changed, span.start, span.end, span.label_) for span in group]
    return Example(Doc(nlp.vocab, words=words, spaces=spaces), changed)
