"""How soon calls are forgotten that came to nothing."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_runtime.peers.lingering import BURST_SECONDS, Pace

AT_ONCE = 8


def test_a_few_are_forgotten_at_once() -> None:
    """Clients give up calls, and ask for what is not there."""
    pace = Pace(AT_ONCE)
    assert [pace.seconds("one", 1.0) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert pace.seconds("one", 1.0) > 0
    assert pace.seconds("another", 1.0) == 0


def test_as_many_as_there_is_time_for_are_forgotten_at_once() -> None:
    pace = Pace(AT_ONCE)
    step = BURST_SECONDS / AT_ONCE
    assert not any(pace.seconds("one", number * step) for number in range(1_000))


@given(st.lists(st.floats(0, 0.5), max_size=200))
def test_no_peer_has_more_forgotten_than_there_is_time_for(pauses: list[float]) -> None:
    """However they come: in no such time more than twice as many as at once."""
    pace, now, forgotten = Pace(AT_ONCE), 0.0, []
    for pause in pauses:
        now += pause
        forgotten.append(now + pace.seconds("one", now))
    for begin in forgotten:
        window = [at for at in forgotten if begin <= at < begin + BURST_SECONDS - 1e-6]
        assert len(window) <= 2 * AT_ONCE


def test_peers_are_forgotten() -> None:
    """Addresses come and go."""
    pace = Pace(AT_ONCE)
    for number in range(1_000):
        pace.seconds(f"peer {number}", float(number))
    assert len(pace) == 1
