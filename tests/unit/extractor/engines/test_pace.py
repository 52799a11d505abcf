"""How much of a model batch is read at once."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.engines.pace import PART_COST, PARTS, Pace

COSTS = st.lists(st.integers(1, 3 * PART_COST), min_size=1, max_size=30)


@given(COSTS, st.floats(1e-9, 1.0), st.floats(0.1, 100.0))
def test_a_part_takes_its_share_of_the_soft_limit(
    costs: list[int], seconds_per_cost: float, limit: float
) -> None:
    """One text, or as many as fit into a quarter of the limit and are worked on at once."""
    pace = Pace(limit)
    pace.took(1_000, 1_000 * seconds_per_cost)
    part = pace.first_part(costs)
    assert 1 <= part <= len(costs)
    total = sum(costs[:part])
    if part > 1:
        assert total <= PART_COST
        assert total * seconds_per_cost <= limit / PARTS * 1.001


def test_an_engine_of_unknown_speed_begins_with_one() -> None:
    """Unless there is no limit."""
    assert Pace(10.0).first_part([1, 1, 1]) == 1
    assert Pace(inf).first_part([1, 1, 1]) == 3


def test_slowness_counts_at_once_and_is_forgotten_slowly() -> None:
    """After one slow text the next parts are small, and grow again."""
    pace = Pace(10.0)
    pace.took(1_000, 0.001)
    many = [100] * 100
    assert pace.first_part(many) == 100
    pace.took(100, 5.0)
    parts = []
    for _ in range(60):
        parts.append(pace.first_part(many))
        pace.took(1_000, 0.001)
    assert parts[0] == 1
    assert parts == sorted(parts)
    assert parts[-1] == 100


def test_is_over() -> None:
    """At the limit."""
    assert not Pace(10.0).is_over(9.9)
    assert Pace(10.0).is_over(10.0)
