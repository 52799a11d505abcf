"""How many names the page of a publication asks for."""

import pytest
from newstally_dashboard.pages.publication import names_needed


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
