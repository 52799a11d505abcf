"""Faults planted into the keeping of lists are caught by the same lives."""

from collections.abc import Callable, Iterable

import pytest
from newstally_persister.sinks.firestore.compact.listing import (
    publications,
    state,
    storing,
    tracked,
)
from newstally_persister.values.parts import Row
from support.listing_lives import LONGEST_SECONDS, live
from support.virtual_time import run

LIVES = 40
"""A planted fault must show within so many."""
Plant = Callable[[pytest.MonkeyPatch], None]


def flush_under_way_is_listed(patch: pytest.MonkeyPatch) -> None:
    """A list names the last complete flush, and shows rows of the next one."""
    patch.setattr(state.Lists, "settled", lambda self, _: self.completed is not None)


def flush_is_taken_for_complete(patch: pytest.MonkeyPatch) -> None:
    """A list names a flush of which parts are still to come."""
    complete = state.Lists.complete

    def planted(self: state.Lists, journal_id: str, flush: int) -> None:
        complete(self, journal_id, flush + 1)

    patch.setattr(state.Lists, "complete", planted)


def stale_writer_wins(patch: pytest.MonkeyPatch) -> None:
    """A list is written whatever is stored: what comes late takes it back."""
    patch.setattr(storing, "_demand", lambda *_: None)


def others_are_not_noticed(patch: pytest.MonkeyPatch) -> None:
    """Rows are added although another persister's part came in between."""
    add = tracked.Tracked.add

    def planted(self: tracked.Tracked, parts: int, rows: Iterable[Row], limit: int) -> bool:
        self.parts = parts - 1
        return add(self, parts, rows, limit)

    patch.setattr(tracked.Tracked, "add", planted)


def later_days_are_added(patch: pytest.MonkeyPatch) -> None:
    """A new last day does not make lists of the last days anew."""
    add = tracked.Days.add
    patch.setattr(tracked.Days, "add", lambda self, row, _: add(self, row, 0))


def totals_of_a_lost_reply_are_not_read(patch: pytest.MonkeyPatch) -> None:
    """The list of publications is written without what a lost reply would have told."""
    patch.setattr(publications.PublicationsList, "grew", lambda *_: None)


def ends_well(seed: int, journals: int) -> bool:
    """Whether all is right in a life."""
    try:
        run(live(seed, journals), LONGEST_SECONDS)
    except Exception:  # noqa: BLE001 - however a fault shows, it shows
        return False
    return True


@pytest.mark.parametrize(
    ("plant", "journals"),
    [
        (flush_under_way_is_listed, 1),
        (flush_is_taken_for_complete, 1),
        (stale_writer_wins, 2),
        (others_are_not_noticed, 2),
        (later_days_are_added, 1),
        (totals_of_a_lost_reply_are_not_read, 1),
    ],
)
def test_a_life_tells(plant: Plant, journals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some life with this fault ends wrong."""
    plant(monkeypatch)
    assert not all(ends_well(seed, journals) for seed in range(LIVES)), plant.__doc__
