"""The days of rows that wait in the journal. Each function runs in its caller's transaction.

Nearly all articles that come within a minute were published on the same day. So each flush has a
usual day, whose counts stand in two columns of the row itself; those of all other days stand in
`pending_days`, a row for each. Articles without a day are in neither: they are what the row's
totals have more.

The release before knows nothing of this. What it records has no day. Of what it applies and
deletes, `pending_days` keeps days of rows that are gone: they are passed over, and swept.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from newstally_persister.sqlite.upserts import Upsert
from newstally_persister.values.batches import Tallies
from newstally_persister.values.parts import DayCounts

DAYS_LIMIT = 4_096
"""Days of one row that one flush counts, the newest: what was published on others counts under no
day. So the one row that always fits into a part has a bound."""

Key = tuple[str, str, str]
"""Publication key, text, label; the last two are "" for the publication's own row."""
Bounds = tuple[str, str, str, str, str, str]
"""The keys of the first and the last row of a range."""
Found = tuple[str, str, str, int, int, int]
"""A row's key, a day, mentions, articles."""

IN_RANGE = (
    "(publication_key, text, label) >= (?, ?, ?) AND (publication_key, text, label) <= (?, ?, ?)"
)
_COLUMNS = ("flush", "publication_key", "text", "label", "day", "mentions", "articles")
_ADD = (
    "DO UPDATE SET mentions = mentions + excluded.mentions, articles = articles + excluded.articles"
)
_UPSERT = Upsert("pending_days", _COLUMNS, _ADD)
_SET_ASIDE = Upsert("set_aside_days", _COLUMNS[1:], _ADD)
_SELECT = (
    "SELECT publication_key, text, label, day, mentions, articles FROM pending_days "
    "WHERE flush = ? AND {where} ORDER BY publication_key, text, label, day"
)


def usual(connection: sqlite3.Connection, flush: int) -> int | None:
    """Return the usual day of a flush, if it has one."""
    row = connection.execute("SELECT day FROM usual_days WHERE flush = ?", (flush,)).fetchone()
    return None if row is None else int(row[0])


def usual_for(connection: sqlite3.Connection, flush: int, days: Mapping[int, Tallies]) -> int:
    """Return the usual day of a flush; the first days that come decide which it is."""
    day = usual(connection, flush)
    if day is None:
        day = max(days, key=lambda day: (_articles(days[day]), day))
        connection.execute("INSERT INTO usual_days VALUES (?, ?)", (flush, day))
    return day


def add(connection: sqlite3.Connection, flush: int, days: Mapping[int, Tallies]) -> None:
    """Add what was published on days that are not the usual one."""
    _UPSERT.run(
        connection,
        sorted(
            (flush, *row, day, *counts)
            for day, tallies in days.items()
            for row, counts in tallies.items()
        ),
    )


def between(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> Iterator[Found]:
    """Yield the other days of a flush's rows within bounds, by key and day."""
    return connection.execute(_SELECT.format(where=IN_RANGE), (flush, *bounds))


def behind(connection: sqlite3.Connection, flush: int, key: Key) -> Iterator[Found]:
    """Yield the other days of a flush's rows behind a key, by key and day."""
    where = "(publication_key, text, label) > (?, ?, ?)"
    return connection.execute(_SELECT.format(where=where), (flush, *key))


class Days:
    """The days of rows that are asked for one by one, in the order of their keys."""

    def __init__(self, usual_day: int | None, others: Iterable[Found]) -> None:
        """`others`: the other days of these rows, and perhaps of more, by key and day."""
        self.usual = usual_day
        """The usual day of the flush, if it has one."""
        self.next_key: Key | None = None
        """The first row that has other days and was not asked for; None: there is none."""
        self._others = iter(others)
        self._advance()

    def with_others(self, key: Key, days: tuple[DayCounts, ...]) -> tuple[DayCounts, ...]:
        """Return all days of a row, ascending; `days`: what it has on the usual one."""
        found: deque[DayCounts] = deque(maxlen=DAYS_LIMIT)
        while self.next_key is not None and self.next_key <= key:
            if self.next_key == key:
                found.append(self._counts)
            self._advance()
        return _merged(days, found)

    def _advance(self) -> None:
        found = next(self._others, None)
        self.next_key = None
        if found is not None:
            self.next_key, self._counts = found[:3], found[3:]


def _merged(counts: tuple[DayCounts, ...], others: Iterable[DayCounts]) -> tuple[DayCounts, ...]:
    # The usual day is among the others where a row was set aside and came back.
    total = {day: (mentions, articles) for day, mentions, articles in counts}
    for day, mentions, articles in others:
        before = total.get(day, (0, 0))
        total[day] = (before[0] + mentions, before[1] + articles)
    return tuple((day, *total[day]) for day in sorted(total)[-DAYS_LIMIT:])


def delete(connection: sqlite3.Connection, flush: int, bounds: Bounds) -> None:
    """Delete the other days of a flush's rows within bounds."""
    connection.execute(f"DELETE FROM pending_days WHERE flush = ? AND {IN_RANGE}", (flush, *bounds))


def forget(connection: sqlite3.Connection, flush: int) -> None:
    """Delete what is kept of days for a flush that is complete, and for those before."""
    for table in ("pending_days", "part_days", "usual_days"):
        connection.execute(f"DELETE FROM {table} WHERE flush <= ?", (flush,))


def sweep(connection: sqlite3.Connection) -> None:
    """Delete what the release before left of flushes that it completed. At every start."""
    forget(connection, *connection.execute("SELECT last_flush - flush_open FROM meta").fetchone())


def fix(connection: sqlite3.Connection, flush: int, part: int, digest: str) -> None:
    """Note what tells whether a part's days are still those that were planned."""
    connection.execute("INSERT INTO part_days VALUES (?, ?, ?)", (flush, part, digest))


def fixed(connection: sqlite3.Connection, flush: int, part: int) -> str | None:
    """Return what was noted, if anything was: the release before notes nothing."""
    row = connection.execute(
        "SELECT digest FROM part_days WHERE flush = ? AND part = ?", (flush, part)
    ).fetchone()
    return None if row is None else str(row[0])


def set_aside(connection: sqlite3.Connection, key: Key, days: Sequence[DayCounts]) -> None:
    """Add days to those of a row that is set aside."""
    _SET_ASIDE.run(connection, [(*key, *counts) for counts in days])


def retry(connection: sqlite3.Connection) -> None:
    """Put the days of all rows that are set aside back among those that wait."""
    connection.execute(
        f"INSERT INTO pending_days ({', '.join(_COLUMNS)}) "
        f"SELECT last_flush + 1, {', '.join(_COLUMNS[1:])} "
        f"FROM set_aside_days JOIN meta WHERE true ON CONFLICT {_ADD}"
    )
    connection.execute("DELETE FROM set_aside_days")


def _articles(tallies: Tallies) -> int:
    return sum(articles for (_, text, _), (_, articles) in tallies.items() if not text)
