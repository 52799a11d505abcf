from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.replicas.fair_queue import ARTICLE_TOLL_BYTES, QUANTUM_BYTES, FairQueue
from unit.gateway.core.builders import task


def taken(queue: FairQueue, count: int) -> list[tuple[str, int]]:
    order = []
    for _ in range(count):
        assert queue.head() is not None
        done = queue.take()
        order.append((str(done.stream), done.offset))
    return order


def test_a_stream_keeps_its_order() -> None:
    """Within a stream the lowest offset comes first."""
    queue = FairQueue()
    for offset in range(3):
        queue.add(task("a", offset))
    assert taken(queue, 3) == [("a", 0), ("a", 1), ("a", 2)]
    assert queue.head() is None


def test_what_comes_back_goes_before_what_is_new() -> None:
    """Articles of a broken link come first again, by offset, in whatever order they return."""
    queue = FairQueue()
    for offset in range(4):
        queue.add(task("a", offset))
    taken(queue, 3)
    for offset in (2, 0):
        queue.give_back(task("a", offset))
    assert taken(queue, 3) == [("a", 0), ("a", 2), ("a", 3)]


def test_what_was_never_sent_is_not_paid_for() -> None:
    """A stream whose long article lost its place does not save up for it a second time."""
    queue = FairQueue()
    long = task("a", 0, size=1_000_000)
    queue.add(long)
    for offset in range(1000):
        queue.add(task("b", offset, size=4000))
    while (head := queue.head()) != long:
        assert head is not None
        queue.take()
    queue.take()
    queue.give_back(long, refund=True)
    assert ("a", 0) in taken(queue, 5)


def test_a_short_upload_does_not_wait_for_a_long_one() -> None:
    """A stream with one article is served within a turn of each other stream."""
    queue = FairQueue()
    for offset in range(1000):
        queue.add(task("bulk", offset, size=4000))
    taken(queue, 100)
    queue.add(task("one", 0, size=4000))
    order = taken(queue, 6)
    assert ("one", 0) in order


@given(
    st.lists(
        st.sampled_from([10, 300, 5_000, 60_000, 1_000_000]), min_size=2, max_size=6, unique=True
    )
)
def test_streams_get_the_same_bytes_whatever_their_articles_sizes(sizes: list[int]) -> None:
    """While all have work, none is ahead by more than its largest article and a turn."""
    queue = FairQueue()
    spent = {str(size): 0 for size in sizes}
    offsets = dict.fromkeys(spent, 0)
    for size in sizes:
        queue.add(task(str(size), 0, size=size))
    for _ in range(2000):
        head = queue.head()
        assert head is not None
        stream = str(head.stream)
        offsets[stream] += 1
        queue.add(task(stream, offsets[stream], size=head.size_bytes))
        queue.take()
        spent[stream] += head.size_bytes + ARTICLE_TOLL_BYTES
        bound = max(sizes) + ARTICLE_TOLL_BYTES + QUANTUM_BYTES
        assert max(spent.values()) - min(spent.values()) <= bound


def test_a_stalled_stream_lets_the_others_go_on() -> None:
    """It goes on with its own turn when it is resumed, the longest waiting one first."""
    queue = FairQueue()
    for stream in "abc":
        queue.add(task(stream, 0))
    queue.head()
    queue.stall()
    queue.head()
    queue.stall()
    assert taken(queue, 1) == [("c", 0)]
    assert queue.head() is None
    stalled = queue.stalled_head()
    assert stalled is not None
    assert stalled.stream == "a"
    queue.resume()
    assert taken(queue, 1) == [("a", 0)]


def test_a_stalled_stream_to_which_articles_come_back_goes_on() -> None:
    """Its head is another one now, which may be short."""
    queue = FairQueue()
    for offset in range(2):
        queue.add(task("a", offset))
    taken(queue, 1)
    queue.head()
    queue.stall()
    queue.give_back(task("a", 0))
    assert queue.stalled_head() is None
    assert taken(queue, 2) == [("a", 0), ("a", 1)]


@pytest.mark.parametrize("below", [None, 10])
@pytest.mark.parametrize("stalled", [True, False])
def test_a_discarded_stream_leaves_nothing(below: int | None, stalled: bool) -> None:
    """Queued, returned or stalled: all of it is forgotten."""
    queue = FairQueue()
    for offset in range(3):
        queue.add(task("a", offset))
    taken(queue, 1)
    queue.give_back(task("a", 0))
    if stalled:
        queue.head()
        queue.stall()
    queue.discard("a", below)
    assert len(queue) == 0
    assert queue.head() is None
    assert queue.stalled_head() is None


def test_articles_under_an_offset_are_discarded() -> None:
    """What another gateway settled is forgotten, the rest stays."""
    queue = FairQueue()
    for offset in range(5):
        queue.add(task("a", offset))
    taken(queue, 2)
    queue.give_back(task("a", 1))
    queue.discard("a", 3)
    assert len(queue) == 2
    assert taken(queue, 2) == [("a", 3), ("a", 4)]


def test_what_turned_out_to_be_costly_is_paid_for() -> None:
    """A stream of articles that cost five times their length gets a fifth of the turns."""
    queue = FairQueue()
    taken_of = {"dear": 0, "cheap": 0}
    for offset in range(2_000):
        for stream in taken_of:
            queue.add(task(stream, offset, size=4_000))
    for _ in range(1_200):
        head = queue.head()
        assert head is not None
        queue.take()
        taken_of[str(head.stream)] += 1
        if head.stream == "dear":
            queue.charge("dear", 4 * 4_000)
    assert 4 < taken_of["cheap"] / taken_of["dear"] < 6


def test_a_debt_outlives_an_empty_queue() -> None:
    """Whoever sends one costly article at a time pays for the one before."""
    queue = FairQueue()
    queue.add(task("dear", 0))
    taken(queue, 1)
    queue.charge("dear", 10 * QUANTUM_BYTES)
    queue.add(task("dear", 1))
    for offset in range(50):
        queue.add(task("cheap", offset, size=QUANTUM_BYTES - ARTICLE_TOLL_BYTES))
    assert ("dear", 1) not in taken(queue, 9)
    assert ("dear", 1) in taken(queue, 5)


def test_a_debt_ends_with_its_stream() -> None:
    """Nothing is remembered of streams that are gone."""
    queue = FairQueue()
    queue.charge("gone", 1_000)
    queue.discard("gone", None)
    assert queue._debts == {}


def test_cheap_articles_buy_one_turn_and_no_more() -> None:
    """Credit is not saved up."""
    queue = FairQueue()
    for offset in range(100):
        for stream in ("a", "b"):
            queue.add(task(stream, offset, size=QUANTUM_BYTES - ARTICLE_TOLL_BYTES))
    queue.charge("a", -100 * QUANTUM_BYTES)
    assert [stream for stream, _ in taken(queue, 6)].count("a") <= 4


def shares(queue: FairQueue, count: int) -> Counter[str]:
    """Take so many articles; return how many of each owner, which a stream's name begins with."""
    return Counter(stream[0] for stream, _ in taken(queue, count))


def filled(streams: Mapping[str, int], weights: Mapping[str, int]) -> FairQueue:
    """Return a queue in which each owner has so many streams of 400 articles each."""
    queue = FairQueue()
    for owner, number in streams.items():
        for stream in range(number):
            queue.enrol(f"{owner}{stream}", owner, weights.get(owner, 1))
            for offset in range(400):
                queue.add(task(f"{owner}{stream}", offset, size=4000))
    return queue


def test_owners_take_turns_before_their_streams_do() -> None:
    """Many streams get an owner no more than one does; within an owner they are equal."""
    found = taken(filled({"a": 1, "b": 9}, {}), 360)
    by_owner = Counter(stream[0] for stream, _ in found)
    assert abs(by_owner["a"] - by_owner["b"]) <= 8
    by_stream = Counter(stream for stream, _ in found if stream[0] == "b")
    assert max(by_stream.values()) - min(by_stream.values()) <= 4


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_an_owner_gets_its_weight(first: int, second: int, streams: int) -> None:
    """In relation to the others."""
    queue = filled({"a": streams, "b": 3}, {"a": first, "b": second})
    total = 36 * (first + second) // 2
    found = shares(queue, min(total, 350))
    expected = first / (first + second)
    assert abs(found["a"] / found.total() - expected) < 0.12


def test_who_was_alone_owes_nothing() -> None:
    """Nobody waited then; nor has anybody saved up who had nothing to send."""
    queue = filled({"a": 2}, {})
    taken(queue, 300)
    for stream in ("b0", "b1"):
        queue.enrol(stream, "b", 1)
        for offset in range(100):
            queue.add(task(stream, offset, size=4000))
    found = shares(queue, 100)
    assert abs(found["a"] - found["b"]) <= 8


def test_what_costs_more_is_paid_by_the_owner() -> None:
    """Through whichever of its streams; so another stream does not help it."""
    queue = filled({"a": 4, "b": 1}, {})
    paid = Counter[str]()
    for _ in range(400):
        assert queue.head() is not None
        done = queue.take()
        owner = str(done.stream)[0]
        paid[owner] += 1
        if owner == "a":
            queue.charge(done.stream, 3 * 4256)  # four times as costly as it is long
    assert 3.0 < paid["b"] / paid["a"] < 5.5


def test_a_stream_that_stalls_lets_its_owners_others_go_on() -> None:
    """And comes back to its turn; what is forgotten leaves nothing behind."""
    queue = filled({"a": 2, "b": 1}, {})
    assert queue.head() is not None
    queue.stall()
    found = Counter(stream for stream, _ in taken(queue, 100))
    assert found["a0"] == 0
    assert found["a1"] > 30
    stalled = queue.stalled_head()
    assert stalled is not None
    queue.resume()
    assert queue.head() == stalled
    for stream in ("a0", "a1", "b0"):
        queue.discard(stream, None)
    assert (len(queue), queue.head(), queue.stalled_head()) == (0, None, None)
    assert not queue._owners
    assert not queue._ring
