"""When to flush."""

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
