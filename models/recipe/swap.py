"""Put other names in the place of names: a model is to learn contexts, not a list of names."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping

from spacy.tokens import Doc, Span

ROOM = 4_000
"""Names of a label that are remembered; then new ones take the place of old ones."""

Name = tuple[tuple[str, bool], ...]
"""Words, each with whether a space follows."""


class Names:
    """The names met so far, of each label."""

    def __init__(self) -> None:
        self._known: defaultdict[str, list[Name]] = defaultdict(list)

    def swapped(self, doc: Doc, probability: float) -> Doc:
        """Return `doc` with each name replaced with that probability; itself if none is.

        All mentions of a name in it become the same other one. Remembers the names of `doc`.
        """
        chosen: dict[tuple[str, str], Name | None] = {}
        for entity in doc.ents:
            key = (entity.text, entity.label_)
            if key not in chosen:
                known = self._known[entity.label_]
                wanted = random.random() < probability and len(known) > 0
                chosen[key] = random.choice(known) if wanted else None
                self._remember(entity)
        if not any(chosen.values()):
            return doc
        return rebuilt(doc, chosen)

    def _remember(self, entity: Span) -> None:
        known = self._known[entity.label_]
        name = tuple((token.text, bool(token.whitespace_)) for token in entity)
        if len(known) < ROOM:
            known.append(name)
        else:
            known[random.randrange(ROOM)] = name


def rebuilt(doc: Doc, chosen: Mapping[tuple[str, str], Name | None]) -> Doc:
    """Return `doc` with other names: `chosen` has one, or None, for each (text, label) in it."""
    words: list[str] = []
    spaces: list[bool] = []
    moved: list[int] = []
    """Where each old token is now; that of a replaced name is where the name begins."""
    inside = {token.i: entity for entity in doc.ents for token in entity}
    for token in doc:
        entity = inside.get(token.i)
        name = chosen[entity.text, entity.label_] if entity is not None else None
        if entity is None or name is None:
            moved.append(len(words))
            words.append(token.text)
            spaces.append(bool(token.whitespace_))
        elif token.i == entity.start:
            moved += [len(words)] * len(entity)
            words += [word for word, _ in name]
            spaces += [space for _, space in name]
            spaces[-1] = bool(doc[entity.end - 1].whitespace_)
    moved.append(len(words))
    entities = [(moved[e.start], moved[e.end], e.label_) for e in doc.ents]
    missing = [moved[token.i] for token in doc if not token.ent_iob_]
    result = Doc(doc.vocab, words=words, spaces=spaces)
    result.set_ents(
        [Span(result, *entity) for entity in entities],
        missing=[result[i : i + 1] for i in missing],
        default="outside",
    )
    for key, group in doc.spans.items():
        result.spans[key] = [Span(result, moved[s.start], moved[s.end], s.label_) for s in group]
    return result
