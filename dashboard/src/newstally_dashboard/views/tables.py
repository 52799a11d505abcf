"""Tables that are sorted and cut into pages. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Row = TypeVar("Row")

ROWS = 25
"""On one page."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """How a column is sorted."""

    key: Callable[[Row], Any]
    descending: bool = True
    """Whether the largest come first where nobody says."""


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """One page of a table."""

    rows: Sequence[Row]
    first: int
    """The number of the first row, from 1; 0 where there is none."""
    total: int
    page: int
    pages: int
    sort: str
    descending: bool
    more: bool
    """Whether there are more than `total`, on further pages."""

    @property
    def last(self) -> int:
        """The number of the last row."""
        return self.first + len(self.rows) - 1 if self.rows else 0

    def order(self, column: str, columns: "Mapping[str, Column[Any]]") -> str:
        """Return the order that a click on a column asks for: the other one if it is sorted by."""
        descending = columns[column].descending
        if column == self.sort:
            descending = not self.descending
        return "desc" if descending else "asc"


def table(
    rows: Sequence[Row],
    columns: Mapping[str, Column[Row]],
    sort: str,
    order: str,
    page: int,
    per_page: int = ROWS,
    *,
    more: bool = False,
) -> Table[Row]:
    """Sort rows by a column and return one page; one after the last is the last.

    `order`: "asc", "desc", or "" for the column's own. Rows of equal keys stay as they came.
    `more`: these are not all, and the rest is behind them.
    """
    descending = order == "desc" if order else columns[sort].descending
    ordered = sorted(rows, key=columns[sort].key, reverse=descending)
    pages = max(1, -(-len(rows) // per_page))
    page = min(page, pages)
    begin = (page - 1) * per_page
    shown = ordered[begin : begin + per_page]
    first = begin + 1 if shown else 0
    return Table(shown, first, len(rows), page, pages, sort, descending, more)
