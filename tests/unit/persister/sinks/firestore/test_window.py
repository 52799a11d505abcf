"""When Firestore is flushed: a trickle within seconds, a flood in large windows."""

import pytest
from newstally_persister.flushing.backlog import Backlog, FlushLimits
from newstally_persister.settings import PersisterSettings

LIMITS = FlushLimits(age_seconds=5, rows=100_000, window_seconds=60, trickle_rows=1_000)


def test_a_trickle_is_flushed_by_age() -> None:
    """Few rows wait for their age alone, also when more of them keep coming."""
    backlog = Backlog(LIMITS)
    backlog.add(20, 100.0)
    backlog.add(20, 104.0)
    assert backlog.due_at() == 105.0


def test_a_flood_is_flushed_by_window() -> None:
    """As long as more comes, many rows wait for the window."""
    backlog = Backlog(LIMITS)
    due = []
    for second in range(100, 160):
        backlog.add(1_000, float(second))
        due.append(backlog.due_at())
    assert due == [min(160.0, second + 5.0) for second in range(100, 160)]


def test_a_flood_that_ends_is_flushed_by_age() -> None:
    """When nothing came for as long as the age there is nothing more to wait for."""
    backlog = Backlog(LIMITS)
    backlog.add(2_000, 100.0)
    backlog.add(2_000, 110.0)
    assert backlog.due_at() == 115.0


def test_a_flood_that_is_too_large_is_flushed_now() -> None:
    """Rows are bounded whatever the window."""
    backlog = Backlog(LIMITS)
    backlog.add(100_000, 100.0)
    assert backlog.due_at() == 100.0


@pytest.mark.parametrize(
    ("flags", "age", "window"),
    [
        ({}, 1.0, 1.0),
        ({"flush_age": 3.0}, 3.0, 3.0),
        ({"sink": "firestore"}, 5.0, 60.0),
        ({"sink": "firestore", "flush_age": 2.0, "flush_window": 30.0}, 2.0, 30.0),
    ],
)
def test_the_defaults_fit_the_sink(flags: dict[str, object], age: float, window: float) -> None:
    """What is documented for each sink."""
    limits = PersisterSettings.model_validate({"data_dir": "d", **flags}).flush_limits
    assert (limits.age_seconds, limits.window_seconds) == (age, window)
