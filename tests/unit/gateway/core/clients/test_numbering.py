import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.clients.numbering import (
    GapError,
    MissingError,
    NegativeError,
    Numbered,
    Numbering,
)


def test_first_message_of_a_named_upload_must_carry_an_offset() -> None:
    """Without an offset nobody knows whether a resuming client means 0 or next_offset."""
    with pytest.raises(MissingError):
        Numbering(0, named=True).number(None)


def test_anonymous_articles_are_numbered_from_next_offset() -> None:
    """Without an upload_id offsets may be left out from the start."""
    numbering = Numbering(0, named=False)
    assert [numbering.number(None) for _ in range(2)] == [Numbered(0, True), Numbered(1, True)]


def test_later_messages_follow_the_previous_one() -> None:
    """An offset is needed only once; settled articles before the frontier are passed over."""
    numbering = Numbering(2, named=True)
    numbered = [numbering.number(0), *(numbering.number(None) for _ in range(3))]
    assert numbered == [
        Numbered(0, False),
        Numbered(1, False),
        Numbered(2, True),
        Numbered(3, True),
    ]


def test_an_article_sent_twice_on_a_stream_is_fresh_once() -> None:
    """Going back on the same stream passes over what was read already."""
    numbering = Numbering(0, named=True)
    assert [numbering.number(offset).fresh for offset in (0, 1, 0, 1, 2)] == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_a_gap_names_the_frontier() -> None:
    """OUT_OF_RANGE can say from where to go on."""
    numbering = Numbering(5, named=True)
    with pytest.raises(GapError) as caught:
        numbering.number(7)
    assert (caught.value.offset, caught.value.frontier) == (7, 5)


def test_a_negative_offset_is_an_error() -> None:
    """It is no position at all, so it is not "settled already"."""
    with pytest.raises(NegativeError):
        Numbering(5, named=True).number(-1)


def test_what_another_gateway_settled_is_passed_over() -> None:
    """The frontier follows the journal, but never goes back."""
    numbering = Numbering(0, named=True)
    numbering.number(0)
    numbering.settled(3)
    numbering.settled(1)
    assert [numbering.number(None).fresh for _ in range(3)] == [False, False, True]


@given(st.integers(0, 5), st.lists(st.none() | st.integers(-1, 12), max_size=30))
def test_fresh_offsets_are_contiguous(next_offset: int, offsets: list[int | None]) -> None:
    """Whatever a client sends, what goes on is next_offset, next_offset + 1, and so on."""
    numbering = Numbering(next_offset, named=True)
    fresh = []
    for offset in offsets:
        try:
            numbered = numbering.number(offset)
        except (GapError, NegativeError, MissingError):
            break
        if numbered.fresh:
            fresh.append(numbered.offset)
    assert fresh == list(range(next_offset, next_offset + len(fresh)))
