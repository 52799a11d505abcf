"""What a sink says when it and a journal contradict each other."""

from newstally_persister.sinks.base import JournalMismatchError
from newstally_persister.values.parts import Part


def part_elsewhere(part: Part, how: str) -> JournalMismatchError:
    """Return the error for a part that the sink does not know as this journal does."""
    return JournalMismatchError(
        f"part {part.id} does not fit the sink, {how}: another persister works on a copy of this "
        "journal, or the sink was restored from a backup. Going on would count articles wrongly. "
        "Let one persister alone use the sink, with the data directory that was in use last"
    )


def journal_unknown(journal_id: str) -> JournalMismatchError:
    """Return the error for a mark that is gone."""
    return JournalMismatchError(
        f"the sink does not know journal {journal_id} any more: it was emptied, or is another one. "
        "Point the persister at the sink it used before; or, to begin anew, give it an empty "
        "--data-dir"
    )
