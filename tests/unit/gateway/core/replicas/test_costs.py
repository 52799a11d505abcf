"""What an article cost beyond what its length lets one expect."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.replicas.costs import LARGEST_SURCHARGE_BYTES, Costs


def usual(costs: Costs, micros_per_byte: float = 2.0) -> None:
    for _ in range(1_000):
        costs.surcharge(5_000, round(5_000 * micros_per_byte))


def test_what_is_usual_is_charged_by_length() -> None:
    """However fast the replicas are."""
    for micros_per_byte in (0.5, 20.0):
        costs = Costs()
        usual(costs, micros_per_byte)
        assert abs(costs.surcharge(7_000, round(7_000 * micros_per_byte))) <= 1


def test_what_takes_ten_times_as_long_is_charged_ten_times() -> None:
    """And what is cheap is charged less."""
    costs = Costs()
    usual(costs)
    assert 88_000 < costs.surcharge(10_000, 200_000) <= 90_000
    assert -5_200 < costs.surcharge(10_000, 10_000) < -4_800


def test_costly_articles_do_not_become_usual_quickly() -> None:
    """Hundreds of them in a row are charged more than their length."""
    costs = Costs()
    usual(costs)
    for _ in range(50):
        last = costs.surcharge(5_000, 100_000)
    assert last > 15_000


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**12))))
def test_within_bounds(articles: list[tuple[int, int]]) -> None:
    """Whatever a replica says."""
    costs = Costs()
    for size, micros in articles:
        assert -size <= costs.surcharge(size, micros) <= LARGEST_SURCHARGE_BYTES
