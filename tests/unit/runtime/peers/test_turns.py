"""Nobody takes more than a share, however many calls it makes."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from newstally_runtime.peers.turns import Crowd, Turns


def test_a_newcomer_always_gets_a_place() -> None:
    """The peer with most calls gives up its oldest one."""
    crowd = Crowd(3)
    assert [crowd.enter(call, "greedy") for call in (1, 2)] == [None, None]
    assert crowd.enter(3, "honest") is None
    assert crowd.enter(4, "newcomer") == 1
    assert len(crowd) == 3
    assert not crowd.leave(1), "it is told that it had to leave"
    assert crowd.leave(4)


def test_peers_take_turns() -> None:
    """One call behind a hundred of another peer is the second to be worked on."""
    turns = Turns(working=1, waiting=200)
    assert turns.ask("first", "greedy").granted
    for number in range(100):
        assert not turns.ask(number, "greedy").granted
    assert not turns.ask("mine", "honest").granted
    assert turns.done("first") == [0]
    assert turns.done(0) == ["mine"]
    assert turns.done("mine") == [1]


def test_who_waits_most_is_refused_first() -> None:
    """The line is full because of one peer: that one loses its newest call, not the newcomer."""
    turns = Turns(working=1, waiting=2)
    turns.ask("first", "greedy")
    turns.ask(1, "greedy")
    turns.ask(2, "greedy")
    assert turns.ask("mine", "honest").refused == 2
    assert turns.ask(3, "greedy").refused == 3
    assert turns.waiting == 2


def test_a_call_that_gives_up_passes_its_turn_on() -> None:
    """Whether it waited or was worked on."""
    turns = Turns(working=1, waiting=10)
    turns.ask(1, "a")
    turns.ask(2, "a")
    turns.ask(3, "b")
    assert turns.done(2) == []
    assert turns.done(1) == [3]
    assert turns.done(3) == []
    assert (turns.working, turns.waiting) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from(["ask", "done"]), st.integers(0, 3)), max_size=60))
def test_turns_keep_their_books(steps: list[tuple[str, int]]) -> None:
    """Never more than allowed work or wait, nobody waits while there is room, nobody is lost."""
    turns = Turns(working=2, waiting=3)
    working: set[int] = set()
    waiting: set[int] = set()
    for number, (step, choice) in enumerate(steps):
        if step == "ask":
            asked = turns.ask(number, f"peer {choice}")
            (working if asked.granted else waiting).add(number)
            if asked.refused is not None:
                assert isinstance(asked.refused, int)
                waiting.remove(asked.refused)
        elif present := sorted(working | waiting):
            call = present[choice % len(present)]
            granted = turns.done(call)
            working.discard(call)
            waiting.discard(call)
            waiting.difference_update(granted)
            working.update(call for call in granted if isinstance(call, int))
        assert turns.working == len(working) <= 2
        assert turns.waiting == len(waiting) <= 3
        assert not waiting or len(working) == 2


@given(st.lists(st.integers(0, 4), max_size=60))
def test_a_crowd_is_shared_evenly(peers: list[int]) -> None:
    """Whoever has to leave belongs to a peer that has no less than anybody."""
    crowd = Crowd(8)
    present: dict[int, int] = {}
    for call, peer in enumerate(peers):
        present[call] = peer
        leaving = crowd.enter(call, str(peer))
        if leaving is not None:
            assert isinstance(leaving, int)
            counts = Counter(present.values())
            assert counts[present.pop(leaving)] == max(counts.values())
        assert len(crowd) == len(present) <= 8
