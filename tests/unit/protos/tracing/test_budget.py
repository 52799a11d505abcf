"""However often spans are asked for, no more are granted than the budget has."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.tracing.budget import Budget

RATE, BURST = 2.0, 5


@given(st.lists(st.floats(0, 3), max_size=200))
def test_never_more_than_the_rate_and_the_burst(waits: list[float]) -> None:
    """In any time, from whichever moment on."""
    budget, now, granted = Budget(RATE, BURST), 1000.0, []
    for wait in waits:
        now += wait
        if budget.grants(now):
            granted.append(now)
    for first, begin in enumerate(granted):
        for last in range(first, len(granted)):
            allowed = BURST + RATE * (granted[last] - begin)
            assert last - first + 1 <= allowed + 1e-6


def test_what_was_not_used_comes_back() -> None:
    """After a flood that used it up."""
    budget = Budget(RATE, BURST)
    assert sum(budget.grants(0.0) for _ in range(100)) == BURST
    assert not budget.grants(0.4)
    assert budget.grants(1.0)


def test_a_clock_that_goes_back_grants_nothing() -> None:
    """Nor does it raise."""
    budget = Budget(RATE, 1)
    assert budget.grants(10.0)
    assert not budget.grants(5.0)
