"""Chaos waits while anything moves, and no longer."""

from collections.abc import Iterator
from itertools import count

import pytest
from chaos_peace import LONGEST_SECONDS, STILL_SECONDS, GivenUpError, Peace

STEP_SECONDS = 10.0


def ticking() -> Iterator[float]:
    """Give times that are so far apart."""
    return count(0.0, STEP_SECONDS)


def given_up_after(peace: Peace) -> float:
    """Return after how many seconds it gives up."""
    for step in count(1):
        try:
            peace.check("it is not there")
        except GivenUpError:
            return step * STEP_SECONDS
    raise AssertionError


def test_it_waits_longer_than_anything_stands_still_while_something_moves() -> None:
    """What moves a little now and then is waited for; then it stands still, and is not."""
    moves = iter([*range(100), *[99] * 1_000])
    peace = Peace(lambda: next(moves), ticking().__next__)
    assert given_up_after(peace) == pytest.approx(
        100 * STEP_SECONDS + STILL_SECONDS, abs=2 * STEP_SECONDS
    )


def test_whoever_cannot_be_asked_does_not_move() -> None:
    """An error is no news."""

    def moved() -> object:
        raise OSError

    peace = Peace(moved, ticking().__next__)
    assert given_up_after(peace) == pytest.approx(STILL_SECONDS, abs=2 * STEP_SECONDS)


def test_it_waits_no_longer_than_that_whatever_moves() -> None:
    """Something may move for ever."""
    peace = Peace(count().__next__, ticking().__next__)
    assert given_up_after(peace) == pytest.approx(LONGEST_SECONDS, abs=2 * STEP_SECONDS)
