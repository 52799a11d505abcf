"""What no pipeline is asked to read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.pipelines.cutting import RUN, SIGNS, cut

SIGN = re.compile(r"(?:[^\w\s]|_)+")
TEXTS = st.text(st.sampled_from("ab1_ =!?“\u200b\u0301\n漢😀"), max_size=900) | st.text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "Ordinary prose, with (all) that belongs to it: “quotes”, dashes - and more...",
        "=" * SIGNS,
        "x" * RUN + " " + "y" * RUN,
        "see https://example.org/a/" + "very-long/" * 15 + " for more",
        "漢" * RUN,
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Whatever real articles hold is read as it is."""
    assert cut(text) == text


def test_rows_of_signs_are_shortened() -> None:
    """What stands around them stays, and so do words in between."""
    assert cut("a " + "=" * 10_000 + " b") == "a " + "=" * SIGNS + " b"
    assert cut("a" + "!?" * 5_000 + "b_" + "-" * 99) == "a" + "!?" * 8 + "b_" + "-" * 15


def test_long_runs_are_broken() -> None:
    """Nothing of them is lost."""
    run = "".join(chr(97 + n % 26) for n in range(3 * RUN))
    assert cut(f"a {run} b").split() == ["a", run[:RUN], run[RUN : 2 * RUN], run[2 * RUN :], "b"]
    assert cut("x" * (RUN + 1)) == "x" * RUN + " x"


@given(TEXTS)
def test_nothing_over_long_is_left(text: str) -> None:
    """Runs and rows of signs are within their bounds, and cutting again changes nothing."""
    short = cut(text)
    assert all(len(run) <= RUN for run in short.split())
    assert all(len(signs) <= SIGNS for signs in SIGN.findall(short))
    assert cut(short) == short


@given(TEXTS)
def test_letters_and_digits_all_stay(text: str) -> None:
    """In their order."""
    assert [c for c in cut(text) if c.isalnum()] == [c for c in text if c.isalnum()]
