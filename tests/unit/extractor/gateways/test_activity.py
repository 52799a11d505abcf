"""What a replica says that it did lately."""

import pytest
from newstally_extractor.gateways.activity import Activity


def test_busy_is_the_part_of_the_time_in_which_the_model_worked() -> None:
    """A batch that runs counts while it runs."""
    activity = Activity(0.0)
    assert activity.busy(0.0) == 0.0
    activity.began(2.0)
    assert activity.busy(4.0) == pytest.approx(0.5)
    activity.ended(5.0)
    assert activity.busy(10.0) == pytest.approx(0.3)


def test_a_batch_of_minutes_is_busy_and_no_more_than_that() -> None:
    """1 at most, and nothing of it is left a minute after its end."""
    activity = Activity(0.0)
    activity.began(0.0)
    for second in range(0, 200, 3):
        activity.busy(float(second))
    assert activity.busy(200.0) == pytest.approx(1.0)
    activity.ended(200.0)
    assert activity.busy(280.0) == 0.0
