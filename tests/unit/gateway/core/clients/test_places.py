"""Places go to those who use them, and newcomers always come in."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.clients.places import (
    CROWDING,
    LEAST_USE_BYTES,
    SETTLING_IN_SECONDS,
    TURN_SECONDS,
    Places,
)

NOBODY: frozenset[object] = frozenset()


def filled(total: int, peer: str = "greedy") -> Places:
    """All places taken by one peer at 0.0."""
    places = Places(total)
    for stream in range(total):
        places.open(stream, peer, 0.0)
    return places


def test_a_newcomer_finds_a_place_kept() -> None:
    """One peer's streams leave one in ten places to others, at once and without anybody leaving."""
    places = Places(20)
    for stream in range(30):
        places.open(stream, "greedy" if stream % 2 else "as greedy", 0.0)
    assert (sum(map(places.has, range(30))), places.waiting) == (18, 12)
    places.open("mine", "newcomer", 0.0)
    assert places.has("mine")


def test_the_least_useful_makes_room() -> None:
    """By bytes sent lately, not by messages; and only once for each place that is wanted."""
    places = filled(4)
    for stream in range(4):
        places.use(stream, stream * 1_000, 1.0)
    now = SETTLING_IN_SECONDS
    places.open("mine", "newcomer", now)
    assert places.pick(NOBODY, now) == 0
    places.open("yours", "another", now)
    assert places.pick({1}, now) == 2, "one with work under way has time"
    assert places.pick(NOBODY, now) is None
    assert places.close(0, now) == ["mine"]


def test_nobody_leaves_who_just_came_or_sends_much() -> None:
    """Until everybody had a turn."""
    places = filled(2)
    places.open("mine", "newcomer", 0.0)
    assert places.pick(NOBODY, SETTLING_IN_SECONDS - 0.1) is None
    crowded = Places(3)
    for stream, peer in enumerate(["greedy", "greedy", "honest"]):
        crowded.open(stream, peer, 0.0)
    crowded.open("mine", "newcomer", 0.0)
    assert crowded.pick(NOBODY, CROWDING * SETTLING_IN_SECONDS) == 0, "it has more than its share"
    for stream in range(2):
        places.use(stream, int(LEAST_USE_BYTES) * 100, TURN_SECONDS - 1)
    places.use(0, 1, TURN_SECONDS - 1)
    assert places.pick(NOBODY, TURN_SECONDS - 1) is None
    assert places.pick({0, 1}, TURN_SECONDS) == 1


def test_a_stream_of_little_use_stays_while_there_are_places() -> None:
    """A slow feed disturbs nobody."""
    places = Places(20)
    places.open("feed", "slow", 0.0)
    assert places.pick(NOBODY, 1_000.0) is None


def test_who_waits_takes_turns() -> None:
    """One stream of a connection is not behind all of another one."""
    places = filled(1)
    places.open("a", "greedy", 0.0)
    places.open("mine", "newcomer", 0.0)
    assert places.close("a", 0.0) == []
    assert places.close(0, 0.0) == ["mine"]


def test_too_many_that_wait_are_refused() -> None:
    """The newest of the peer that has most of them, whoever came last."""
    places = filled(2)
    assert [places.open(name, "greedy", 0.0) for name in ("a", "b", "c")] == [None, None, "c"]
    assert places.open("mine", "newcomer", 0.0) == "b"


def test_160_tiny_streams_lock_nobody_out() -> None:
    """Each sends an article every two seconds and is back as soon as it was asked to leave."""
    places = Places(100)
    streams = [f"tiny {number}" for number in range(160)]
    peer = {stream: f"connection {number % 160}" for number, stream in enumerate(streams)}
    waits = []
    for step in range(400):
        now = step * 0.25
        for stream in streams:
            if places.has(stream) and step % 8 == 0:
                places.use(stream, 40, now)
            elif step == 0:
                places.open(stream, peer[stream], now)
        while (leaving := places.pick(NOBODY, now)) is not None:
            places.close(leaving, now)
            refused = places.open(leaving, peer[str(leaving)], now)
            assert refused is None
        if step % 40 == 20:  # every ten seconds somebody new
            places.open(f"new {step}", f"newcomer {step}", now)
            waits.append((f"new {step}", now))
        for waiting in list(waits):
            name, since = waiting
            if places.has(name):
                waits.remove(waiting)
                places.close(name, now)
            assert now - since <= 2 * SETTLING_IN_SECONDS
    assert len(waits) <= 1


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.sampled_from("ocp"), st.integers(0, 5), st.floats(0, 20)), max_size=80),
)
def test_places_keep_their_books(total: int, steps: list[tuple[str, int, float]]) -> None:
    """Never more streams than places; nobody waits beside a place that anybody may have."""
    places = Places(total)
    known: list[int] = []
    now = 0.0
    for number, (step, choice, pause) in enumerate(steps):
        now += pause
        if step == "o":
            refused = places.open(number, f"peer {choice}", now)
            known.append(number)
            if refused is not None:
                assert isinstance(refused, int)
                known.remove(refused)
        elif step == "c" and known:
            stream = known.pop(choice % len(known))
            for served in places.close(stream, now):
                assert served in known
        elif step == "p":
            leaving = places.pick(NOBODY, now)
            assert leaving is None or places.has(leaving)
        placed = sum(map(places.has, known))
        assert placed <= total
        assert places.waiting <= total
        assert placed + places.waiting == len(known)
        kept = total // 10
        assert not places.waiting or placed >= total - kept
