"""How many names the page of a publication asks for."""

from typing import Any, cast

import pytest
from newstally_dashboard.asking.questions import Days
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError
from newstally_dashboard.pages.publication import most_mentioned, names_needed
from newstally_protos.v1.tally_pb2 import RankEntitiesResponse


@pytest.mark.parametrize(
    ("sort", "order", "page", "names"),
    [
        ("mentions", "", 1, 100),
        ("mentions", "desc", 4, 100),
        ("mentions", "", 5, 1_000),
        ("mentions", "asc", 1, 1_000),
        ("articles", "", 1, 1_000),
        ("name", "", 1, 1_000),
    ],
)
def test_the_first_pages_need_few_names(sort: str, order: str, page: int, names: int) -> None:
    """What a list of the store holds; another order, and what is behind them, needs more."""
    assert names_needed(sort, order, page) == names


class Store:
    """Has a list of so many names, and cannot read more."""

    def __init__(self, listed: int, trouble: Kind = Kind.UNANSWERED) -> None:
        self.asked: list[int] = []
        self._listed = listed
        self._trouble = trouble

    async def ranking(self, name: str, days: Days, label: str, size: int) -> RankEntitiesResponse:
        self.asked.append(size)
        if size > self._listed:
            raise TroubleError(Trouble(self._trouble, name, f"{label} {days}"))
        return RankEntitiesResponse(articles=size)

    async def most(self, size: int) -> int:
        """Return how many names a page got that asked for so many."""
        found = await most_mentioned(cast("Any", self), "Post", Days(), "ORG", size)
        return found.articles


@pytest.mark.parametrize(
    ("listed", "asked"), [(9_999, [1_000]), (100, [1_000, 100]), (25, [1_000, 100, 25])]
)
async def test_what_cannot_be_read_is_shown_as_far_as_it_is_listed(
    listed: int, asked: list[int]
) -> None:
    """A hundred names of a publication, or the 25 of one kind, are better than none."""
    store = Store(listed)
    assert await store.most(1_000) == asked[-1]
    assert store.asked == asked


async def test_other_troubles_are_told_at_once() -> None:
    """Fewer names would not mend them; nor is there less than a list has."""
    absent = Store(0, Kind.ABSENT)
    with pytest.raises(TroubleError):
        await absent.most(1_000)
    assert absent.asked == [1_000]
    with pytest.raises(TroubleError):
        await Store(0).most(100)
