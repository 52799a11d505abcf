"""Whether journal and sink fit together."""

import pytest
from newstally_persister.flushing.marks import check_mark
from newstally_persister.sinks.base import JournalMismatchError, Mark
from newstally_persister.values.progress import Position

IDLE = Position("j", last_cut=5, last_completed=5, first_part_undone=False)
FIRST_UNDONE = Position("j", last_cut=5, last_completed=4, first_part_undone=True)
FIRST_DONE = Position("j", last_cut=5, last_completed=4, first_part_undone=False)
NEW = Position("j", last_cut=0, last_completed=0, first_part_undone=False)


@pytest.mark.parametrize(
    ("position", "mark"),
    [
        (NEW, Mark(0, 0)),
        (IDLE, Mark(5, 5)),
        (IDLE, Mark(5, 4)),
        (IDLE, Mark(5, 0)),
        (FIRST_UNDONE, Mark(4, 4)),
        (FIRST_UNDONE, Mark(5, 4)),
        (FIRST_DONE, Mark(5, 4)),
    ],
)
def test_what_a_crash_can_leave_is_accepted(position: Position, mark: Mark) -> None:
    """Lost replies and receipts that were not expired yet are no contradiction."""
    check_mark(position, mark)


@pytest.mark.parametrize(
    ("position", "mark"),
    [
        (NEW, Mark(1, 0)),
        (IDLE, Mark(6, 5)),
        (FIRST_UNDONE, Mark(5, 5)),
        (FIRST_DONE, Mark(5, 5)),
        (FIRST_DONE, Mark(6, 4)),
    ],
)
def test_a_journal_behind_the_sink_is_refused(position: Position, mark: Mark) -> None:
    """A journal from a backup, or a copy, must not go on; the message says what to do."""
    with pytest.raises(JournalMismatchError, match=r"older than the sink.*--data-dir"):
        check_mark(position, mark)


@pytest.mark.parametrize(
    ("position", "mark"),
    [(IDLE, Mark(0, 0)), (IDLE, Mark(4, 4)), (FIRST_UNDONE, Mark(3, 3)), (FIRST_DONE, Mark(4, 4))],
)
def test_a_sink_that_lost_flushes_is_refused(position: Position, mark: Mark) -> None:
    """An emptied or exchanged sink is not filled up silently; the message says what to do."""
    with pytest.raises(JournalMismatchError, match=r"sink lacks flushes.*Point the persister"):
        check_mark(position, mark)
