"""How long to wait before the next try."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_protos.backoff import Backoff


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, 2**32), st.integers(1, 1100))
def test_waits_double_up_to_a_bound_with_jitter(seed: int, failures: int) -> None:
    """The n-th wait lies between a half and the whole of min(longest, first * 2^n), for ever."""
    backoff = Backoff(0.1, 10.0, random.Random(seed))
    for n in range(failures):
        ceiling = min(10.0, 0.1 * 2.0 ** min(n, 100))
        assert ceiling / 2 <= backoff.next_seconds() <= ceiling
    backoff.reset()
    assert backoff.next_seconds() <= 0.1


def test_those_who_failed_together_do_not_come_back_together() -> None:
    """Each Backoff draws its own waits, over the whole of the range."""
    waits = sorted(Backoff(1.0, 1.0).next_seconds() for _ in range(200))
    assert waits[0] < 0.6 < 0.9 < waits[-1]
    assert len(set(waits)) == 200
