"""Which articles form the next model batch."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_extractor.core.inbox import Inbox, Work


def work(number: int, chars: int = 1, alone: bool = False, link: str = "a") -> Work[str]:
    return Work(link, number, "x" * chars, chars, alone, cost=chars)


def filled(*works: Work[str], chars: int = 10, articles: int = 4) -> Inbox[str]:
    inbox = Inbox[str](chars, articles)
    for each in works:
        inbox.add(each)
    return inbox


def ids(batch: list[Work[str]]) -> list[int]:
    return [each.id for each in batch]


def test_takes_what_waits_without_filling_up() -> None:
    """Nothing waits for a batch to fill."""
    assert ids(filled(work(1), work(2, link="b")).next_batch()) == [1, 2]


def test_nothing_waits() -> None:
    """Without work there is no batch."""
    assert filled().next_batch() == []


def test_bounds() -> None:
    """A batch ends before the article that would exceed its characters or its number."""
    assert ids(filled(work(1, 6), work(2, 5), work(3)).next_batch()) == [1]
    assert ids(filled(*(work(n) for n in range(9))).next_batch()) == [0, 1, 2, 3]


def test_longer_than_a_batch() -> None:
    """One article over the bound in characters is a batch of its own."""
    assert ids(filled(work(1, 99), work(2)).next_batch()) == [1]


def test_alone() -> None:
    """A suspect shares its batch with nothing, and does not wait behind a window of others."""
    inbox = filled(work(1), work(2, alone=True), work(3), work(4))
    assert [ids(inbox.next_batch()) for _ in range(3)] == [[2], [1, 3, 4], []]


def test_suspects_and_others_take_turns() -> None:
    """Neither line stands still for the other."""
    inbox = filled(*(work(n) for n in range(6)), *(work(n, alone=True) for n in (7, 8, 9)))
    assert [ids(inbox.next_batch()) for _ in range(5)] == [[7], [0, 1, 2, 3], [8], [4, 5], [9]]


def test_dropped_link() -> None:
    """What waits of a link that is gone is worked on by nobody, and no longer counted."""
    inbox = filled(work(1), work(2, 5, link="b"), work(3))
    inbox.drop("a")
    assert (inbox.articles, inbox.size_bytes) == (1, 5)
    assert ids(inbox.next_batch()) == [2]
    assert (inbox.articles, inbox.size_bytes) == (0, 0)


def test_withdrawn_work_is_taken_out() -> None:
    """Of its own link only, in either line, and no longer counted."""
    inbox = filled(work(1, 2), work(1, 3, link="b"), work(2), work(3, alone=True), work(4))
    assert ids(inbox.withdraw("a", {1, 3, 9})) == [1, 3]
    assert (inbox.articles, inbox.size_bytes) == (3, 5)
    assert ids(inbox.next_batch()) == [1, 2, 4]


def test_what_costs_more_is_more_of_a_batch() -> None:
    """A batch is bounded by what its texts are estimated to cost."""
    dear = Work("a", 1, "!!!", 3, cost=8)
    assert ids(filled(dear, work(2, 3)).next_batch()) == [1]


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans())))
def test_everything_is_taken_once_in_order(articles: list[tuple[int, bool]]) -> None:
    """All work is taken, each line in order of arrival, in batches within their bounds."""
    works = [work(n, chars, alone) for n, (chars, alone) in enumerate(articles)]
    inbox = filled(*works)
    taken: list[Work[str]] = []
    while batch := inbox.next_batch():
        assert len(batch) == 1 or not any(each.alone for each in batch)
        assert len(batch) == 1 or sum(each.size_bytes for each in batch) <= 10
        assert len(batch) <= 4
        taken += batch
    for alone in (False, True):
        assert [w for w in taken if w.alone is alone] == [w for w in works if w.alone is alone]
    assert len(taken) == len(works)
    assert inbox.size_bytes == 0
