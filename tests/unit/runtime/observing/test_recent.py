"""What happened lately: rates over a minute, times over some minutes."""

from bisect import bisect_left
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_runtime.observing.recent import (
    BOUNDS,
    PERIOD_SECONDS,
    SLOT_SECONDS,
    SLOTS,
    Rate,
    Sampled,
    Times,
)

STEPS = st.lists(st.tuples(st.floats(0, 90), st.floats(0, 1_000)), max_size=60)


@given(st.floats(0, 1e6), STEPS)
def test_a_rate_is_what_came_within_about_the_last_minute(
    began: float, steps: list[tuple[float, float]]
) -> None:
    """Divided by the time that it covers: a minute and the slot that runs, or since it began."""
    rate, now = Rate(began), began
    came: list[tuple[float, float]] = []
    for wait, amount in steps:
        now += wait
        rate.add(amount, now)
        came.append((now, amount))
        since = max(began, (now // SLOT_SECONDS - SLOTS) * SLOT_SECONDS)
        total = sum(amount for at, amount in came if at // SLOT_SECONDS >= since // SLOT_SECONDS)
        expected = total / (now - since) if now > since else 0.0
        assert rate.per_second(now) == pytest.approx(expected)


def test_a_rate_is_forgotten() -> None:
    """A minute without anything is 0."""
    rate = Rate(0.0)
    rate.add(600, 5.0)
    assert rate.per_second(10.0) == 60.0
    assert rate.per_second(75.0) == 0.0


def test_a_total_is_sampled() -> None:
    """What it had before does not count; what came since the last sample does."""
    total = [1_000.0]
    sampled = Sampled(lambda: total[0], 0.0)
    total[0] += 30
    sampled.sample(10.0)
    total[0] += 30
    assert sampled.per_second(20.0) == 3.0


class Kept(list[float]):
    def observe(self, amount: float) -> None:
        self.append(amount)


@given(st.lists(st.tuples(st.floats(0, PERIOD_SECONDS), st.floats(0, 10_000)), max_size=40))
def test_times_are_those_of_the_last_periods(steps: list[tuple[float, float]]) -> None:
    """What is younger than one period is always in, what is older than two never."""
    kept = Kept()
    times, now = Times("waiting", 0.0, kept), 0.0
    came: list[tuple[float, float]] = []
    for wait, seconds in steps:
        now += wait
        times.observe(seconds, now)
        came.append((now, seconds))
    counts = times.counts(now)
    least, most = [0] * (len(BOUNDS) + 1), [0] * (len(BOUNDS) + 1)
    for at, seconds in came:
        bucket = bisect_left(BOUNDS, seconds)
        least[bucket] += now - at < PERIOD_SECONDS
        most[bucket] += now - at <= 2 * PERIOD_SECONDS
    assert all(low <= found <= high for low, found, high in zip(least, counts, most, strict=True))
    assert kept == [seconds for _, seconds in came]


def test_times_of_long_ago_are_gone() -> None:
    """Also where nothing came meanwhile."""
    times = Times("waiting", 0.0)
    times.observe(1.0, 1.0)
    assert sum(times.counts(PERIOD_SECONDS)) == 1
    assert sum(times.counts(3 * PERIOD_SECONDS)) == 0
    times.observe(1.0, 10 * PERIOD_SECONDS)
    assert sum(times.counts(10 * PERIOD_SECONDS)) == 1


def test_the_buckets_fit() -> None:
    """None is over two and a half times the one before: no percentile is further off."""
    assert all(1.9 < high / low <= 2.501 for low, high in pairwise(BOUNDS))
