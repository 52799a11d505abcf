"""Sharing and waiting for memory."""

from functools import partial

import pytest
from newstally_gateway.core.clients.admission import Admission, Memory, Share


class Streams:
    """Streams of at most 100 bytes' guarantee each, of which two find room."""

    def __init__(self) -> None:
        self.memory = Memory(Admission(200, 100))
        self.granted: list[str] = []

    def open(self, name: str) -> Share:
        share = Share(self.memory, name, lambda: self.granted.append(name))
        assert share.open()
        return share


@pytest.fixture
def streams() -> Streams:
    return Streams()


def test_what_does_not_fit_waits_until_it_does(streams: Streams) -> None:
    """A release grants what it gives room to."""
    a, b = streams.open("a"), streams.open("b")
    assert a.charge(100)
    assert b.charge(100)
    assert not a.charge(50)
    a.release(60)
    assert streams.granted == ["a"]
    assert streams.memory.used_bytes == 190


def test_a_stream_that_is_closed_gives_back_all_and_waits_for_nothing(streams: Streams) -> None:
    """Nothing stays charged, and the others are served."""
    a, b = streams.open("a"), streams.open("b")
    assert a.charge(100)
    assert b.charge(100)
    assert not a.charge(50)
    assert not b.charge(50)
    a.close()
    assert streams.granted == ["b"]
    assert streams.memory.used_bytes == 150
    b.close()
    b.close()
    assert streams.memory.used_bytes == 0


def test_there_is_no_memory_for_too_many_streams(streams: Streams) -> None:
    """A stream that found none may still be closed."""
    streams.open("a")
    b = streams.open("b")
    c = Share(streams.memory, "c", lambda: None)
    assert not c.open()
    c.close()
    b.close()
    assert c.open()


def test_whoever_is_granted_memory_may_give_it_back_at_once() -> None:
    """Its article was settled meanwhile; a thousand such streams in line are no deeper a call."""
    memory = Memory(Admission(100_100, 100))
    shares: list[Share] = []
    passed = []

    def granted(number: int) -> None:
        passed.append(number)
        shares[number].release(100)

    shares += [Share(memory, n, partial(granted, n)) for n in range(1000)]
    assert all(share.open() for share in shares)
    assert all(share.charge(100) for share in shares)
    assert shares[0].charge(100)
    assert not any(share.charge(100) for share in shares[1:])
    shares[0].release(100)
    assert passed == list(range(1, 1000))


def test_a_stream_that_is_closed_before_it_hears_of_its_grant_hears_nothing() -> None:
    """One release grants to two, and the first one has the second closed."""
    memory = Memory(Admission(200, 100))
    heard: list[str] = []
    b = Share(memory, "b", lambda: heard.append("b"))

    def first() -> None:
        heard.append("a")
        b.close()

    a = Share(memory, "a", first)
    assert a.open()
    assert b.open()
    assert a.charge(100)
    assert b.charge(100)
    assert not a.charge(50)
    assert not b.charge(50)
    memory.release("a", 100)
    assert heard == ["a"]
