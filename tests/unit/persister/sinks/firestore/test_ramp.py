"""The ramp: 500 writes per second at first, half as many more every five minutes."""

import pytest
from newstally_persister.sinks.firestore.ramp import Ramp


def test_commits_follow_each_other_at_the_rate() -> None:
    """After so many writes nothing goes out for as long as they take at the rate."""
    ramp = Ramp(500)
    assert ramp.delay(10.0) == 0.0
    ramp.spend(1_000, 10.0)
    assert ramp.delay(10.0) == pytest.approx(2.0)
    assert ramp.delay(11.5) == pytest.approx(0.5)
    assert ramp.delay(12.0) == 0.0


def test_the_rate_grows_by_half_every_five_minutes() -> None:
    """Counted from the first write, however long the process ran before."""
    ramp = Ramp(500)
    assert ramp.per_second(1_000_000) == 500
    ramp.spend(1, 1_000.0)
    assert ramp.per_second(1_299.0) == 500
    assert ramp.per_second(1_300.0) == 750
    assert ramp.per_second(1_600.0) == 1_125
    assert ramp.per_second(10.0**9) < float("inf")
