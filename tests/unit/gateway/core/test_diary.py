"""Which uploads the log tells of."""

from newstally_gateway.core.diary import PROGRESS_SECONDS, TOLD, WINDOW_SECONDS, Diary, Figures

SOME = Figures(1, 10, 2)


def test_an_upload_is_told_of_from_begin_to_end() -> None:
    """And once in a while meanwhile."""
    diary = Diary()
    assert diary.begun(1, 0.0)
    assert diary.lasting(PROGRESS_SECONDS - 1) == []
    assert diary.lasting(PROGRESS_SECONDS) == [1]
    assert diary.lasting(PROGRESS_SECONDS + 1) == []
    assert diary.lasting(2 * PROGRESS_SECONDS) == [1]
    assert diary.ended(1, SOME, 125.0) == 125.0
    assert diary.untold() == Figures()


def test_many_small_ones_are_summed_up() -> None:
    """A few are told of one by one; of all others their sum, once."""
    diary = Diary()
    for number in range(1_000):
        assert diary.begun(number, 1.0) == (number < TOLD)
        told = diary.ended(number, SOME, 1.5)
        assert told == (0.5 if number < TOLD else None)
    rest = 1_000 - TOLD
    assert diary.untold() == Figures(rest, 10 * rest, 2 * rest)
    assert diary.untold() == Figures()
    assert diary.begun(1_000, 1.0 + WINDOW_SECONDS)


def test_one_that_lasts_is_told_of_all_the_same() -> None:
    """However many began with it."""
    diary = Diary()
    for number in range(TOLD + 1):
        diary.begun(number, 0.0)
    assert TOLD in diary.lasting(PROGRESS_SECONDS)
    assert diary.ended(TOLD, SOME, 70.0) == 70.0


def test_a_stream_without_an_upload_has_no_line() -> None:
    """It was refused before its upload was known."""
    assert Diary().ended(1, SOME, 1.0) is None
