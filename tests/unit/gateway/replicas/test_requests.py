"""Messages to a replica."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.tasks import Attempt, Task
from newstally_gateway.replicas.requests import WORK_OVERHEAD_BYTES, make_request

LARGEST_ID = 2**63 - 1


@given(
    sizes=st.lists(st.integers(0, 300_000), max_size=20),
    first_id=st.integers(1, LARGEST_ID - 20),
    alone=st.booleans(),
)
def test_a_request_is_what_it_was_counted_as(sizes: list[int], first_id: int, alone: bool) -> None:
    """Everything is in it, in order, and it takes no more than contents and overheads."""
    attempts = [
        Attempt("link", number, Task(1, number, "P", "", "x" * size, size), alone)
        for number, size in enumerate(sizes, first_id)
    ]
    request = make_request(attempts, [])
    assert [(work.id, len(work.content), work.alone) for work in request.work] == [
        (attempt.attempt_id, attempt.task.size_bytes, alone) for attempt in attempts
    ]
    assert request.ByteSize() <= sum(sizes) + WORK_OVERHEAD_BYTES * (len(sizes) + 1)
