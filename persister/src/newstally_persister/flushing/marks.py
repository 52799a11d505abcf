"""Whether a journal and its mark in the sink fit together.

The mark has two numbers. `started` moves with part 1 of a flush, from the flush before. `completed`
moves before the first receipt of a flush can go: it may lag, but a journal that is behind it could
send parts again whose receipts are gone.
"""

from newstally_persister.sinks.base import JournalMismatchError, Mark
from newstally_persister.values.progress import Position


def check_mark(position: Position, mark: Mark) -> None:
    """Raise JournalMismatchError when the sink is ahead of the journal, or lacks flushes of it."""
    if mark.started > position.last_cut or mark.completed > position.last_completed:
        raise JournalMismatchError(
            f"the journal is older than the sink: it has cut flush {position.last_cut}, completed "
            f"{position.last_completed}, but the sink has seen journal {position.journal_id} start "
            f"{mark.started} and complete {mark.completed}. It was restored from a backup, or a "
            "copy of it is in use. Going on would count articles twice. Stop the other persister "
            "and use its data directory; or begin with an empty --data-dir, and send the uploads "
            "that are unfinished again under new ids"
        )
    expected = position.last_cut - position.first_part_undone
    if mark.started < expected:
        raise JournalMismatchError(
            f"the sink lacks flushes: journal {position.journal_id} has applied flush {expected}, "
            f"but the sink has seen only {mark.started}. It was emptied, restored from a backup, "
            "or is another sink. Going on would leave tallies out. Point the persister at the sink "
            "it used before; or, to begin anew, give it an empty --data-dir"
        )
