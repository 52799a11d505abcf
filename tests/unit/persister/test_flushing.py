"""When to flush, and how long to wait before trying again."""

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.backoff import delays
from newstally_persister.flushing.backlog import Backlog, FlushLimits

LIMITS = FlushLimits(age_seconds=5.0, rows=100)


def test_nothing_is_due_while_nothing_waits() -> None:
    """An empty backlog sets no timer."""
    backlog = Backlog(LIMITS)
    assert (backlog.due_at(), backlog.empty, backlog.age_seconds(9.0)) == (None, True, 0.0)


def test_age_counts_from_the_oldest_batch() -> None:
    """Later batches do not put the flush off; one without rows starts the clock, too."""
    backlog = Backlog(LIMITS)
    backlog.add(0, now=10.0)
    backlog.add(20, now=14.0)
    assert (backlog.due_at(), backlog.age_seconds(14.0)) == (15.0, 4.0)


def test_enough_rows_are_due_at_once() -> None:
    """The limit in rows makes a flush due in the past."""
    backlog = Backlog(LIMITS)
    backlog.add(60, now=10.0)
    backlog.add(40, now=11.0)
    due = backlog.due_at()
    assert due is not None
    assert due <= 11.0


def test_a_cut_begins_anew() -> None:
    """What was cut does not wait any more."""
    backlog = Backlog(LIMITS)
    backlog.add(100, now=10.0)
    backlog.cut()
    assert backlog.due_at() is None
    backlog.add(1, now=20.0)
    assert backlog.due_at() == 25.0


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_delays_double_up_to_the_largest(jitter: list[float]) -> None:
    """Each delay is between half of its ceiling and all of it, and they go on for ever."""
    draws = iter(jitter)
    found = list(islice(delays(0.1, 15.0, lambda: next(draws)), 12))
    for number, delay in enumerate(found):
        ceiling = min(15.0, 0.1 * 2**number)
        assert ceiling / 2 <= delay <= ceiling * 1.000001
