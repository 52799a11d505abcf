"""Messages to a replica."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.tasks import Attempt, Task
from newstally_gateway.replicas.requests import REQUEST_ARTICLES, pack


def attempt(number: int, size: int, *, alone: bool = False) -> Attempt:
    return Attempt("link", number, Task(1, number, "P", "", "x" * size, size), alone)


@given(
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=600), limit=st.integers(3100, 9000)
)
def test_everything_is_sent_once_in_order_below_the_limit(sizes: list[int], limit: int) -> None:
    """However long the articles are."""
    unsent = deque(attempt(number, size) for number, size in enumerate(sizes, 1))
    ids: list[int] = []
    while unsent:
        request = pack(unsent, limit)
        assert request.ByteSize() <= limit
        assert 1 <= len(request.work) <= REQUEST_ARTICLES
        ids += [work.id for work in request.work]
    assert ids == list(range(1, len(sizes) + 1))


def test_a_suspect_is_marked() -> None:
    """The replica puts it into a model batch of its own."""
    request = pack(deque([attempt(1, 5), attempt(2, 5, alone=True)]))
    assert [(work.id, work.alone) for work in request.work] == [(1, False), (2, True)]
