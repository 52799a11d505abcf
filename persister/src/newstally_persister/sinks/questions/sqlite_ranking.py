"""What is mentioned most, and what rises, in the embedded sink."""

import heapq
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator

from newstally_persister.sinks.base import EntityPosition, Page, PageLimits
from newstally_persister.sinks.questions.asked import (
    LATEST_AHEAD_DAYS,
    Days,
    Floor,
    NothingComparableError,
    Period,
    Ranking,
    RisingEntity,
    RisingList,
    RisingPosition,
    UnansweredError,
    iso_day,
    periods,
)
from newstally_persister.sinks.questions.best import Best
from newstally_persister.sinks.questions.sqlite_scope import REMEDY, Scope, ends, label_number
from newstally_persister.sinks.sqlite_numbered import NumberedRows
from newstally_persister.sinks.sqlite_rows import entities_page, page

_SAMPLES = 5
_SCANNED_PER_LOOKED_UP = 4.0
"""How many rows are read in a range in the time in which one is looked up, and how many more
entities are looked at than would be if each had its mentions spread over time as articles are."""
_LOOKED_UP_AT_MOST = 500_000
"""Rows that one question looks up one by one."""
_LISTS_AT_MOST = 1_000
"""Publications whose lists are merged."""
_AT_A_TIME = 64
"""Entities whose mentions of all days are added up by one statement."""
_LOOKED_UP_AT_A_TIME = 16
"""Entities whose mentions within the days are added up by one statement."""

_Row = tuple[str, str, int, int, str]


def rank(
    connection: sqlite3.Connection,
    publication: str | None,
    days: Days,
    label: str,
    limits: PageLimits,
    after: EntityPosition | None,
) -> Ranking:
    """See Questions.rank."""
    scope = Scope(connection, publication)
    articles = scope.articles(days)
    if articles == scope.articles(Days()):
        days = Days()  # no article is outside of them, nor without a day
    number = label_number(connection, label) if label else None
    if label and number is None:
        return Ranking(Page([], more=False), articles)
    if days.all and publication is not None:
        rows = NumberedRows(connection)
        return Ranking(rows.list_entity_tallies(publication, label, limits, after), articles)
    wanted = limits.items + 1
    most = _Most(connection, scope, days, number)
    if most.is_looked_up(wanted, articles):
        rows_of_few = most.by_looking_up(wanted, after)
        return Ranking(entities_page(rows_of_few, limits), articles)
    # Numpy takes a tenth of a second to import: only who asks waits for it.
    from newstally_persister.sinks.questions import sqlite_sums  # noqa: PLC0415

    rows_of_all = sqlite_sums.ranked(scope, days, number, wanted, after)
    return Ranking(entities_page(rows_of_all, limits), articles)


class _Most:
    """The most mentioned entities within some days."""

    def __init__(
        self, connection: sqlite3.Connection, scope: Scope, days: Days, label: int | None
    ) -> None:
        self._execute = connection.execute
        self._scope = scope
        self._days = days
        self._label = label
        self._parameters = {**scope.parameters, **ends(days), "label": label}
        self._all_articles = scope.articles(Days())

    def is_looked_up(self, wanted: int, articles: int) -> bool:
        """Return whether few entities have to be looked at, and many rows would have to be read."""
        if self._days.all:
            return True
        if self._scope.publication is None:
            return False
        places = self._execute(
            "SELECT publication, day FROM publication_days p "
            f"WHERE day BETWEEN :first AND :last {self._scope.of('p')}",
            self._parameters,
        ).fetchall()
        if not places or not articles:
            return False
        samples = [places[i * len(places) // _SAMPLES] for i in range(_SAMPLES)]
        rows = sum(
            self._execute(
                "SELECT count(*) FROM entity_days WHERE publication = ? AND day = ?", place
            ).fetchone()[0]
            for place in samples
        )
        entities = wanted * self._all_articles / articles
        return bool(entities * _SCANNED_PER_LOOKED_UP < rows / _SAMPLES)

    def by_looking_up(self, wanted: int, after: EntityPosition | None) -> Iterable[_Row]:
        """Add up entities, those with most mentions of all days first: see `best`."""
        best: Best[_Row] = Best(wanted, after)
        left = _LOOKED_UP_AT_MOST // max(1, self._places())
        candidates = _Candidates(self._execute, self._scope, self._label)
        waiting: list[tuple[int, int]] = []
        while (chosen := candidates.next(_AT_A_TIME)) or waiting:
            for total, entity in self._totals(chosen):
                heapq.heappush(waiting, (-total, entity))
            # Nothing that is not known yet has more mentions than those that are looked up here.
            while waiting and -waiting[0][0] >= candidates.most and best.may_take(-waiting[0][0]):
                some = [heapq.heappop(waiting)[1] for _ in waiting[:_LOOKED_UP_AT_A_TIME]]
                left -= len(some)
                if left < 0:
                    raise UnansweredError(REMEDY)
                for row in self._sums(some):
                    best.add((row[2], row[0], row[1]), row)
            if best.is_settled(max(candidates.most, -waiting[0][0] if waiting else 0)):
                break
        return best.items()

    def _totals(self, entities: list[int]) -> list[tuple[int, int]]:
        """Return (mentions of all days, entity)."""
        return self._execute(
            "SELECT sum(e.mentions), e.entity FROM json_each(:entities) c "
            "CROSS JOIN publication_tallies p CROSS JOIN entity_tallies e "
            "ON e.publication = p.publication AND e.entity = c.value "
            f"WHERE 1 {self._scope.of('p')}GROUP BY c.value",
            {**self._parameters, "entities": json.dumps(entities)},
        ).fetchall()

    def _places(self) -> int:
        """Return how many rows an entity may have."""
        days, within = self._tables()
        return int(
            self._execute(
                f"SELECT count(*) FROM {days} p WHERE {within} {self._scope.of('p')}",
                self._parameters,
            ).fetchone()[0]
        )

    def _sums(self, entities: list[int]) -> Iterator[_Row]:
        """Return what entities have within the days."""
        days, within = self._tables()
        rows = "entity_tallies e ON " if self._days.all else "entity_days e ON e.day = p.day AND "
        yield from self._execute(
            "SELECT text, n.label, mentions, articles, coalesce(display, '') FROM ("
            "SELECT e.entity, sum(e.mentions) AS mentions, sum(e.articles) AS articles "
            f"FROM json_each(:entities) c CROSS JOIN {days} p CROSS JOIN {rows}"
            "e.publication = p.publication AND e.entity = c.value "
            f"WHERE {within} {self._scope.of('p')}GROUP BY c.value) "
            "JOIN entity_names n USING (entity)",
            {**self._parameters, "entities": json.dumps(entities)},
        )

    def _tables(self) -> tuple[str, str]:
        """Return what says where an entity's rows may be, and the condition on its days."""
        if self._days.all:
            return "publication_tallies", "1"
        return "publication_days", "p.day BETWEEN :first AND :last"


class _Candidates:
    """The entities of a scope by their mentions in any one publication, descending."""

    def __init__(
        self, execute: Callable[..., sqlite3.Cursor], scope: Scope, label: int | None
    ) -> None:
        """Raises UnansweredError where there are too many publications."""
        publications = execute(
            f"SELECT publication FROM publication_tallies p WHERE 1 {scope.of('p')}LIMIT :lists",
            scope.parameters | {"lists": _LISTS_AT_MOST + 1},
        ).fetchall()
        if len(publications) > _LISTS_AT_MOST:
            raise UnansweredError(REMEDY)
        where = "publication = ?" + ("" if label is None else " AND label = ?")
        of = () if label is None else (label,)
        self._heads: list[tuple[int, int, int, sqlite3.Cursor]] = []
        self._seen: set[int] = set()
        self._most = 0
        for (publication,) in publications:
            rows = execute(
                "SELECT -mentions, publication, entity FROM entity_tallies "
                f"INDEXED BY entity_tallies_most WHERE {where} ORDER BY mentions DESC",
                (publication, *of),
            )
            self._follow(rows)

    @property
    def most(self) -> int:
        """How many mentions an entity can have at most that `next` has not returned.

        It stands in each list at its head or behind it.
        """
        return self._most

    def next(self, number: int) -> list[int]:
        """Return so many more; fewer at the end."""
        found: list[int] = []
        while self._heads and len(found) < number:
            rank, _, entity, rows = heapq.heappop(self._heads)
            self._most += rank
            if entity not in self._seen:
                self._seen.add(entity)
                found.append(entity)
            self._follow(rows)
        return found

    def _follow(self, rows: sqlite3.Cursor) -> None:
        head = rows.fetchone()
        if head is not None:
            heapq.heappush(self._heads, (*head, rows))
            self._most -= head[0]


def rises(
    connection: sqlite3.Connection,
    publication: str | None,
    days: Period | None,
    base: Period | None,
    floor: Floor,
    limits: PageLimits,
    after: RisingPosition | None,
    today: int,
) -> RisingList:
    """See Questions.rising."""
    scope = Scope(connection, publication)
    latest = scope.latest(today + LATEST_AHEAD_DAYS) if days is None else None
    days, base = periods(days, base, latest)
    articles, base_articles = scope.articles(days), scope.articles(base)
    if not articles or not base_articles:
        empty = days if not articles else base
        raise NothingComparableError(
            f"no article was counted from {iso_day(empty.first)} to {iso_day(empty.last)}"
        )
    label = label_number(connection, floor.label) if floor.label else None
    wanted = limits.items + 1
    risen: Iterable[RisingEntity] = []
    if label is not None or not floor.label:
        from newstally_persister.sinks.questions import sqlite_sums  # noqa: PLC0415 - as above

        counted = articles, base_articles
        risen = sqlite_sums.risen(scope, days, base, floor, label, counted, wanted, after)
    listed = page(risen, lambda each: "".join(map(str, each.tally)), limits)
    return RisingList(listed, days, base, articles, base_articles)
