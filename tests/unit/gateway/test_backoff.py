"""How long to wait before the next try."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.backoff import Backoff


def test_the_ceiling_doubles_up_to_the_highest_and_begins_anew() -> None:
    """0.2, 0.4, ... 5 seconds; after a success from the beginning."""
    backoff = Backoff(0.2, 5.0, uniform=lambda low, high: high)
    assert [backoff.next() for _ in range(7)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    backoff.reset()
    assert backoff.next() == 0.2


@given(tries=st.integers(1, 30))
def test_every_wait_lies_between_nothing_and_the_ceiling(tries: int) -> None:
    """Full jitter: those who failed together do not come back together."""
    backoff = Backoff(0.1, 2.0)
    for number in range(tries):
        assert 0.0 <= backoff.next() <= min(0.1 * 2**number, 2.0)
