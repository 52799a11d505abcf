"""How much may be unanswered."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.core.windows import Account, Window

POSITIVE = st.integers(1, 10**9)


@given(POSITIVE, POSITIVE, st.integers(0, 1000))
def test_shares_are_even_and_within_the_total(articles: int, size: int, links: int) -> None:
    """Shares add up to at most the total, unless there are more links than articles or bytes."""
    share = Window(articles, size).share(links)
    assert share.articles >= 1
    assert share.size_bytes >= 1
    assert share.articles * links <= max(articles, links)
    assert share.size_bytes * links <= max(size, links)


def test_room_ends_at_either_bound_and_comes_back() -> None:
    """Reading stops when articles or bytes reach the window, and goes on when answers leave."""
    window = Window(2, 100)
    account = Account()
    account.charge(99)
    assert account.has_room(window)
    account.charge(1)
    assert not account.has_room(window)
    account.release(1, 99)
    assert account.has_room(window)
    account.charge(5_000)
    account.release(1, 1)
    assert not account.has_room(window)
    account.release(1, 5_000)
    assert (account.articles, account.size_bytes) == (0, 0)
