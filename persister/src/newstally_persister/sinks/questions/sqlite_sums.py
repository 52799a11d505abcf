"""What is mentioned most, and what rises, within some days.

The sums of all entities are added up as arrays, over all publications from rollups
(`sinks/derived`), of one publication from its rows. Names are looked up only of those that may be
on the page.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator

import numpy as np
from newstally_protos.rising import Change, Rise, most, rise
from numpy.typing import NDArray

from newstally_persister.sinks.base import EntityPosition, EntityTally
from newstally_persister.sinks.derived.keeping import summed
from newstally_persister.sinks.derived.summing import Sums, TooMuchError, sums_between
from newstally_persister.sinks.questions.asked import (
    Days,
    Floor,
    Period,
    RisingEntity,
    RisingPosition,
    UnansweredError,
)
from newstally_persister.sinks.questions.best import Best
from newstally_persister.sinks.questions.sqlite_scope import REMEDY, Scope, ends, span
from newstally_persister.sinks.sqlite_numbered import SORTED_AT_MOST

_AT_A_TIME = 64
"""Entities that are compared before their names are looked up."""
_Row = tuple[str, str, int, int, str]
_Counts = dict[int, tuple[int, int]]
"""(mentions, articles) by entity."""


def ranked(
    scope: Scope,
    days: Days,
    label: int | None,
    wanted: int,
    after: EntityPosition | None,
) -> list[_Row]:
    """Return so many entities by mentions, descending, then text, then label."""
    sums = _sums(scope, days, label)
    names = _Names(scope.connection)
    found: list[_Row] = []
    left = sums.mentions < np.iinfo(np.int64).max
    if after is not None:
        mentions, *place = after
        same = sums.mentions == mentions
        found = names.first(_some(sums, same), wanted, (place[0], place[1]))
        left = sums.mentions < mentions
    number = wanted - len(found)
    if number <= 0 or not left.any():
        return found
    # The texts of those that have fewer mentions than enough others do not matter.
    candidates = sums.mentions[left]
    last = max(0, len(candidates) - number)
    least = int(np.partition(candidates, last)[last])
    above = names.first(_some(sums, left & (sums.mentions > least)), number, None)
    found += sorted(above, key=lambda row: (-row[2], row[0], row[1]))
    same = left & (sums.mentions == least)
    return found + names.first(_some(sums, same), wanted - len(found), None)


def risen(
    scope: Scope,
    days: Period,
    base: Period,
    floor: Floor,
    label: int | None,
    articles: tuple[int, int],
    wanted: int,
    after: RisingPosition | None,
) -> Iterable[RisingEntity]:
    """Return so many entities by how surely they rose much, then text, then label.

    `articles` were counted in both periods.
    """
    sums = _sums(scope, days, label)
    enough = sums.articles >= floor.articles
    if not enough.any():
        return []
    sums = Sums(*(each[enough] for each in sums))
    before = _of(_sums(scope, base, label), sums.entities)
    bounds = _bounds(sums, before, articles)
    best: Best[RisingEntity] = Best(wanted, after)
    names = _Names(scope.connection)
    order = np.argsort(-bounds, kind="stable")
    for start in range(0, len(order), _AT_A_TIME):
        some = order[start : start + _AT_A_TIME]
        most_left = float(bounds[some[0]])
        if most_left <= 1 or best.is_settled(most_left):
            break
        rises: dict[int, tuple[Change, Rise]] = {}
        counts: _Counts = {}
        for place in some.tolist():
            change = Change(
                *(int(each[place]) for each in (*sums[1:], before.mentions, before.articles))
            )
            found = rise(change, *articles)
            if found.at_least > 1 and best.may_take(found.at_least):
                rises[int(sums.entities[place])] = change, found
                counts[int(sums.entities[place])] = change.mentions, change.articles
        for entity, (text, of_label, mentions, own, name) in names.of(counts):
            change, found = rises[entity]
            tally = EntityTally(text, of_label, mentions, own, name)
            best.add(
                (found.at_least, text, of_label),
                RisingEntity(tally, change.base_mentions, change.base_articles, found),
            )
    return best.items()


def _sums(scope: Scope, days: Days | Period, label: int | None) -> Sums:
    if scope.publication is None:
        try:
            return sums_between(scope.connection, *span(days), label)
        except TooMuchError as error:
            raise UnansweredError(REMEDY) from error
    # Columns as texts: Python's numbers would take three times as long, and SQLite's GROUP BY, too.
    columns = scope.connection.execute(
        "SELECT group_concat(entity), group_concat(e.mentions), group_concat(e.articles) "
        f"FROM {scope.rows(':first AND :last')}{'' if label is None else ' AND e.label = :label'}",
        {**scope.parameters, **ends(days), "label": label},
    ).fetchone()
    return Sums(*summed(*(np.fromstring(each or "", np.int64, sep=",") for each in columns)))


def _of(sums: Sums, entities: NDArray[np.int64]) -> Sums:
    """Return the sums of these entities, 0 for those that have none."""
    if not len(sums.entities):
        nothing = np.zeros(len(entities), np.int64)
        return Sums(entities, nothing, nothing)
    places = np.minimum(np.searchsorted(sums.entities, entities), len(sums.entities) - 1)
    there = sums.entities[places] == entities
    return Sums(entities, sums.mentions[places] * there, sums.articles[places] * there)


def _bounds(sums: Sums, before: Sums, articles: tuple[int, int]) -> NDArray[np.float64]:
    """Return what `at_least` of each is at most: with nothing before it could not be more."""
    numbers, places = np.unique(sums.articles, return_inverse=True)
    alone = np.array([most(int(number), *articles) for number in numbers], np.float64)
    bounds = alone[places]
    # Nor is it more than the ratio of the articles that mention it, each weighed as in its favour.
    known = before.articles > 0
    ratio = sums.articles[known] / before.articles[known] * (articles[1] / articles[0])
    bounds[known] = np.minimum(bounds[known], ratio * (1 + 1e-9))
    return bounds


def _some(sums: Sums, mask: NDArray[np.bool_]) -> _Counts:
    """Return what is masked, by entity."""
    entities, *counts = (each[mask].tolist() for each in sums)
    return dict(zip(entities, zip(*counts, strict=True), strict=True))


class _Names:
    """Names of entities by their numbers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute

    def of(self, counts: _Counts) -> Iterator[tuple[int, _Row]]:
        """Yield entities with their names, in any order."""
        if not counts:
            return
        for entity, text, label, name in self._execute(
            "SELECT n.entity, text, label, coalesce(display, '') FROM json_each(?) c "
            "CROSS JOIN entity_names n ON n.entity = c.value",
            (json.dumps([*counts]),),
        ):
            yield entity, (text, label, *counts[entity], name)

    def first(self, counts: _Counts, number: int, after: tuple[str, str] | None) -> list[_Row]:
        """Return the first so many behind a position, by text, then label."""
        place = after or ("", "")
        if len(counts) <= SORTED_AT_MOST:
            rows = sorted(row for _, row in self.of(counts) if row[:2] > place)
            return rows[:number]
        # One of few texts is among so many.
        found: list[_Row] = []
        for entity, text, label, name in self._execute(
            "SELECT entity, text, label, coalesce(display, '') FROM entity_names INDEXED BY "
            "sqlite_autoindex_entity_names_1 WHERE (text, label) > (?, ?) ORDER BY text, label",
            place,
        ):
            if entity in counts:
                found.append((text, label, *counts[entity], name))
                if len(found) == number:
                    break
        return found
