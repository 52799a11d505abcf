"""Percentiles of buckets: never outside of the bucket of the true value."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st
from newstally.client.status.percentiles import merged, percentile

BOUNDS = (0.001, 0.01, 0.1, 1.0, 10.0)
SECONDS = st.lists(st.floats(0, 10.0), min_size=1, max_size=100)


def counts_of(values: list[float]) -> list[int]:
    counts = [0] * (len(BOUNDS) + 1)
    for value in values:
        counts[bisect_left(BOUNDS, value)] += 1
    return counts


@given(SECONDS, st.floats(0.01, 1.0))
def test_a_percentile_is_in_the_bucket_of_the_true_one(values: list[float], part: float) -> None:
    """At most its upper bound, and not under its lower one."""
    ordered = sorted(values)
    rank = next(n for n in range(1, len(ordered) + 1) if n >= part * len(ordered))
    bucket = bisect_left(BOUNDS, ordered[rank - 1])
    found = percentile(BOUNDS, counts_of(values), part)
    assert found is not None
    assert found <= BOUNDS[bucket] * 1.000_001
    assert found >= (BOUNDS[bucket - 1] * 0.999_999 if bucket else 0.0)


@given(SECONDS)
def test_percentiles_rise(values: list[float]) -> None:
    """The 90th is never under the 50th."""
    counts = counts_of(values)
    found = [percentile(BOUNDS, counts, part) or 0.0 for part in (0.1, 0.5, 0.9, 0.99, 1.0)]
    assert found == sorted(found)


def test_nothing_has_no_percentile() -> None:
    """And what is over all bounds is told as the last one."""
    assert percentile(BOUNDS, [0] * 6, 0.5) is None
    assert percentile(BOUNDS, [0, 0, 0, 0, 0, 3], 0.5) == 10.0


def test_histograms_add_up() -> None:
    """Bucket by bucket."""
    assert merged([[1, 2], [3, 4]]) == [4, 6]
