"""Tables that are sorted and cut into pages."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.views.tables import Column, Table, table

COLUMNS: dict[str, Column[int]] = {
    "size": Column(lambda each: each),
    "last": Column(lambda each: each % 10, descending=False),
}


def shown(rows: list[int], sort: str = "size", order: str = "", page: int = 1) -> Table[int]:
    return table(rows, COLUMNS, sort, order, page, per_page=3)


def test_each_column_has_its_own_order() -> None:
    """The largest first, names from A on; and the other way round where it is asked for."""
    assert shown([1, 3, 2]).rows == [3, 2, 1]
    assert shown([1, 3, 2], order="asc").rows == [1, 2, 3]
    assert shown([21, 12, 30], "last").rows == [30, 21, 12]


def test_a_click_turns_the_order_round() -> None:
    """Of the column that it is sorted by; another begins with its own."""
    found = shown([1])
    assert (found.order("size", COLUMNS), found.order("last", COLUMNS)) == ("asc", "asc")
    assert shown([1], order="asc").order("size", COLUMNS) == "desc"


def test_the_page_after_the_last_is_the_last() -> None:
    """What was there when the link was made may be gone."""
    found = shown([1, 2, 3, 4], page=9)
    assert (found.page, found.pages, found.rows, found.first, found.last) == (2, 2, [1], 4, 4)
    empty = shown([])
    assert (empty.page, empty.pages, empty.first, empty.last, empty.total) == (1, 1, 0, 0, 0)


def test_there_may_be_more_than_is_known() -> None:
    """Whoever asks says so: the pages that are known stay as they are."""
    known = table([3, 2, 1], COLUMNS, "size", "", 1, per_page=3, more=True)
    assert (known.more, known.total, known.pages) == (True, 3, 1)
    assert not shown([1]).more


@given(st.lists(st.integers(0, 99)), st.sampled_from(["size", "last"]))
def test_all_pages_together_are_the_table(rows: list[int], sort: str) -> None:
    """Each row on one page."""
    pages = shown(rows, sort).pages
    found = [row for page in range(1, pages + 1) for row in shown(rows, sort, "", page).rows]
    assert sorted(found) == sorted(rows)
    assert found == sorted(rows, key=COLUMNS[sort].key, reverse=COLUMNS[sort].descending)
