"""The ramp: 500 writes per second at first, half as many more every five minutes."""

import pytest
from newstally_persister.sinks.firestore.ramp import Ramp


def test_turns_follow_each_other_at_the_rate() -> None:
    """Whoever reserves waits until what was reserved before is through at the rate."""
    ramp = Ramp(500)
    assert ramp.reserve(1_000, 10.0) == 0.0
    assert ramp.reserve(500, 10.0) == pytest.approx(2.0)
    assert ramp.reserve(1, 10.0) == pytest.approx(3.0)
    assert ramp.reserve(1, 20.0) == 0.0


def test_the_rate_grows_by_half_every_five_minutes() -> None:
    """Counted from the first write, however long the process ran before."""
    ramp = Ramp(500)
    assert ramp.per_second(1_000_000) == 500
    ramp.reserve(1, 1_000.0)
    assert ramp.per_second(1_299.0) == 500
    assert ramp.per_second(1_300.0) == 750
    assert ramp.per_second(1_600.0) == 1_125
    assert ramp.per_second(10.0**9) < float("inf")
