"""Faults planted into folds and appends are caught by a life in which everything meets."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from newstally_persister.sinks.firestore.compact import (
    closing,
    folding,
    folds,
    head,
    reading,
    rows,
)
from newstally_persister.sinks.firestore.compact.keys import LAST
from newstally_persister.sinks.firestore.compact.rows import Tallied
from support.compact_lives import live
from support.virtual_time import run

LIVES = 60
"""A planted fault must show within so many."""
LONGEST_SECONDS = 20.0
"""Of a life's own time."""
Plant = Callable[[pytest.MonkeyPatch], None]


def lives_well(seed: int) -> bool:
    """Whether all is right in the end."""
    try:
        run(live(seed), LONGEST_SECONDS)
    except Exception:  # noqa: BLE001 - however a fault shows, it shows
        return False
    return True


@pytest.mark.parametrize("seed", range(int(os.environ.get("FAULT_SEEDS", "30"))))
def test_nothing_planted(seed: int) -> None:
    """Each of these lives ends well."""
    run(live(seed), LONGEST_SECONDS)


def log_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    """A close does not demand that the log is as it was read: what came meanwhile is lost."""
    without_condition(patch, "_log_write")


def log_is_kept(patch: pytest.MonkeyPatch) -> None:
    """What was closed stays in the log."""

    def planted(log: Tallied, *_: Any) -> Tallied:
        return log

    patch.setattr(closing, "_without", planted)


def rest_is_lost(patch: pytest.MonkeyPatch) -> None:
    """What did not fit into the commit of a close is forgotten."""

    def planted(*_: Any) -> Tallied:
        return Tallied()

    patch.setattr(closing, "_without", planted)


def head_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    """Closes and folds do not demand that the head is as it was read."""
    write = head.head_write

    def planted(*args: Any) -> Any:
        made = write(*args)
        made.ClearField("current_document")
        return made

    patch.setattr(folds, "head_write", planted)
    patch.setattr(closing, "head_write", planted)


def fold_begins_anew(patch: pytest.MonkeyPatch) -> None:
    """The head does not say how far a fold is: the same rows are folded again."""
    advanced = head.Table.advanced

    def planted(table: head.Table, upto: str, wrote_bytes: int) -> Any:
        made, folded = advanced(table, upto, wrote_bytes)
        return replace(made, upto=""), folded

    patch.setattr(head.Table, "advanced", planted)


def pieces_go_early(patch: pytest.MonkeyPatch) -> None:
    """Pieces are deleted by the first commit of a fold."""
    advanced = head.Table.advanced

    def planted(table: head.Table, upto: str, wrote_bytes: int) -> Any:
        del upto
        return advanced(table, f"days{LAST}{LAST}", wrote_bytes)

    patch.setattr(head.Table, "advanced", planted)


def pieces_stay(patch: pytest.MonkeyPatch) -> None:
    """Pieces are not deleted."""
    advanced = head.Table.advanced

    def planted(*args: Any) -> Any:
        return advanced(*args)[0], []

    patch.setattr(head.Table, "advanced", planted)


def leaf_is_written_over(patch: pytest.MonkeyPatch) -> None:
    """What a leaf had before is not added."""

    def planted(parent: str, leaf: folding.Leaf, *args: Any) -> folding.Folded:
        made = folding.fold_leaf(parent, leaf, *args)
        if leaf.found is None:
            return made
        empty = type(leaf.found)(name=leaf.found.name, update_time=leaf.found.update_time)
        return folding.fold_leaf(parent, leaf._replace(found=empty), *args)

    patch.setattr(folds, "fold_leaf", planted)


def parts_look_alike(patch: pytest.MonkeyPatch) -> None:
    """Elements have no part: of two that are equal one is dropped."""
    element = rows.element

    def planted(_: str, held: Tallied) -> Any:
        return element("", held)

    patch.setattr(rows, "element", planted)


def log_is_not_read(patch: pytest.MonkeyPatch) -> None:
    """An answer is made without the log."""
    tally = reading._tally
    patch.setattr(reading, "_tally", lambda _, *others: tally(None, *others))


def pieces_are_not_read(patch: pytest.MonkeyPatch) -> None:
    """An answer is made without segments."""
    tally = reading._tally
    patch.setattr(reading, "_tally", lambda log, _, leaves: tally(log, [], leaves))


def pieces_are_read_whole(patch: pytest.MonkeyPatch) -> None:
    """An answer has rows of pieces that are in leaves already."""
    tally = reading._tally

    def planted(log: Any, pieces: Iterable[Any], leaves: Any) -> Tallied:
        return tally(log, [(piece, "") for piece, _ in pieces], leaves)

    patch.setattr(reading, "_tally", planted)


def without_condition(patch: pytest.MonkeyPatch, name: str) -> None:
    """Let a write of a close demand nothing."""
    write = getattr(closing, name)

    def planted(*args: Any) -> Any:
        made = write(*args)
        made.ClearField("current_document")
        return made

    patch.setattr(closing, name, planted)


@pytest.mark.parametrize(
    "plant",
    [
        log_is_not_compared,
        log_is_kept,
        rest_is_lost,
        head_is_not_compared,
        fold_begins_anew,
        pieces_go_early,
        pieces_stay,
        leaf_is_written_over,
        parts_look_alike,
        log_is_not_read,
        pieces_are_not_read,
        pieces_are_read_whole,
    ],
)
def test_a_life_tells(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some life with this fault ends wrong."""
    plant(monkeypatch)
    assert not all(lives_well(seed) for seed in range(LIVES)), plant.__doc__
