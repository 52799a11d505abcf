"""The entities with most mentions, kept exact while tallies grow. Pure.

Only the first so many of each label are held. Whatever is left out is bounded by the label's
*floor*: no entity that is not held comes before it in the list. When such an entity grows, it is
held from then on with the most that it can have: what the floor allows, and what it gained. A list
is exact as long as none of its rows is such a guess: more entities were before the floor when it
was made than a list has rows, and none of them became less.
This is "space saving" of Metwally et al., with the difference known between counts and guesses.

Counts must not fall: what is left out must not become more by others becoming less.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import NamedTuple

from newstally_persister.sinks.firestore.compact.rows import Entity


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many entities are listed and held."""

    rows: int = 100
    """Of a list over all labels."""
    label_rows: int = 25
    """Of a label's list."""
    labels: int = 24
    """Labels that are listed: those whose first entities have most mentions."""
    kept: int = 1_000
    """Of a label that are held, at least `rows`; up to twice as many in between."""


SIZES = Sizes()
Floor = tuple[int, str]
"""(-mentions, text): what is not held does not come before it."""


class Listed(NamedTuple):
    """A row of a list."""

    text: str
    label: str
    name: str
    """"" where nobody knows one."""
    mentions: int
    articles: int


class LabelTop(NamedTuple):
    """The list of a label."""

    label: str
    rows: tuple[Listed, ...]
    more: bool
    """Whether there are others of the label."""


class Tops(NamedTuple):
    """The lists of one publication, of all time or of some days."""

    rows: tuple[Listed, ...]
    more: bool
    labels: tuple[LabelTop, ...]
    """By label."""
    more_labels: bool


class _Row:
    """What is known of an entity."""

    __slots__ = ("articles", "exact", "mentions", "name")

    def __init__(self, mentions: int, articles: int, name: str, *, exact: bool) -> None:
        self.mentions = mentions
        self.articles = articles
        self.name = name
        self.exact = exact


class _Label:
    """The entities of a label that are held, by text."""

    __slots__ = ("floor", "rows")

    def __init__(self) -> None:
        self.rows: dict[str, _Row] = {}
        self.floor: Floor | None = None
        """None: everything is held."""

    def add(self, text: str, mentions: int, articles: int, name: str, kept: int) -> None:
        row = self.rows.get(text)
        if row is not None:
            row.mentions += mentions
            row.articles += articles
            if name:
                row.name = name
            return
        before = 0
        if self.floor is not None:
            # A text that is listed first among equals has less, or it would be before the floor.
            before = -self.floor[0] - (text < self.floor[1])
        self.rows[text] = _Row(before + mentions, articles, name, exact=not before)
        if len(self.rows) > 2 * kept:
            self._drop(kept)

    def first(self, number: int) -> list[tuple[int, str]]:
        """Return (-mentions, text) of the first so many."""
        if len(self.rows) > 4 * number:
            # Whole numbers are compared faster: most rows are far behind.
            least = nlargest(number, (row.mentions for row in self.rows.values()))[-1]
            found = (
                (-row.mentions, text) for text, row in self.rows.items() if row.mentions >= least
            )
        else:
            found = ((-row.mentions, text) for text, row in self.rows.items())
        return nsmallest(number, found)

    def _drop(self, kept: int) -> None:
        ordered = sorted((-row.mentions, text) for text, row in self.rows.items())
        floor = ordered[kept]
        self.floor = floor if self.floor is None else min(self.floor, floor)
        for _, text in ordered[kept:]:
            del self.rows[text]


class Top:
    """Entities with most mentions, of one publication."""

    def __init__(self, sizes: Sizes = SIZES) -> None:
        self._sizes = sizes
        self._labels: dict[str, _Label] = {}

    def __len__(self) -> int:
        """Return how many entities are held."""
        return sum(len(label.rows) for label in self._labels.values())

    def add(self, entity: Entity, mentions: int, articles: int, name: str) -> None:
        """Add to an entity, whether it is held or not."""
        label = self._labels.get(entity.label)
        if label is None:
            label = self._labels[entity.label] = _Label()
        label.add(entity.text, mentions, articles, name, self._sizes.kept)

    def offer(self, entity: Entity, mentions: int, articles: int, name: str) -> None:
        """Note all that an entity has: once for each, before anything is added."""
        label = self._labels.get(entity.label)
        if label is None:
            label = self._labels[entity.label] = _Label()
        if label.floor is None or (-mentions, entity.text) < label.floor:
            label.rows[entity.text] = _Row(mentions, articles, name, exact=True)
            if len(label.rows) > 2 * self._sizes.kept:
                label._drop(self._sizes.kept)  # noqa: SLF001 - of this module

    def name(self, entity: Entity) -> str:
        """Return an entity's name; "" where none is known."""
        label = self._labels.get(entity.label)
        row = None if label is None else label.rows.get(entity.text)
        return "" if row is None else row.name

    def lists(self) -> Tops | None:
        """Return the lists; None where what is held does not tell them exactly."""
        first = {name: label.first(self._sizes.rows) for name, label in self._labels.items()}
        overall = nsmallest(
            self._sizes.rows, ((*place, name) for name, places in first.items() for place in places)
        )
        by_label = [self._of_label(name, first[name]) for name in _most(first, self._sizes.labels)]
        rows = self._exact((name, text) for _, text, name in overall)
        if rows is None or None in by_label:
            return None
        return Tops(
            rows,
            len(self) > len(rows) or any(label.floor for label in self._labels.values()),
            tuple(each for each in by_label if each is not None),
            more_labels=len(first) > self._sizes.labels,
        )

    def _of_label(self, name: str, first: list[tuple[int, str]]) -> LabelTop | None:
        label = self._labels[name]
        places = first[: self._sizes.label_rows]
        rows = self._exact((name, text) for _, text in places)
        if rows is None:
            return None
        return LabelTop(name, rows, more=label.floor is not None or len(label.rows) > len(rows))

    def _exact(self, places: Iterable[tuple[str, str]]) -> tuple[Listed, ...] | None:
        listed = []
        for label, text in places:
            row = self._labels[label].rows[text]
            if not row.exact:
                return None
            listed.append(Listed(text, label, row.name, row.mentions, row.articles))
        return tuple(listed)


def _most(first: Mapping[str, Sequence[tuple[int, str]]], labels: int) -> list[str]:
    """Return the labels that are listed, of the first places of each: by what has most of each."""
    most = nsmallest(labels, ((places[0][0], name) for name, places in first.items() if places))
    return sorted(name for _, name in most)
