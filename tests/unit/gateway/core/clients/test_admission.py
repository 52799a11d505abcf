import pytest
from newstally_gateway.core.clients.admission import Admission, charge_bytes


def opened(total: int, largest: int, *streams: str) -> Admission:
    admission = Admission(total, largest)
    assert all(admission.open(stream) for stream in streams)
    return admission


def test_the_charge_covers_the_content_and_twice_the_bound_of_the_result() -> None:
    """An article is charged once for its whole way."""
    assert charge_bytes(1000) == 1000 + 2 * (2 * 1000 + 8 * 1024)


def test_streams_beyond_their_guarantees_are_not_opened() -> None:
    """Who is let in can always get one article of the largest size."""
    admission = opened(100, 40, "a", "b")
    assert not admission.open("c")
    admission.close("a")
    assert admission.open("c")


def test_one_stream_may_use_what_nobody_else_is_promised() -> None:
    """A stream alone gets everything; beside others, everything but their guarantees."""
    admission = opened(100, 20, "a")
    assert all(admission.admit("a", 20) for _ in range(5))
    assert not admission.admit("a", 1)
    beside = opened(100, 20, "a", "b")
    assert all(beside.admit("a", 20) for _ in range(4))
    assert not beside.admit("a", 1)
    assert beside.admit("b", 20)


def test_a_waiting_charge_is_granted_by_a_release() -> None:
    """`release` names whom it served, and the charge is taken already."""
    admission = opened(40, 20, "a")
    assert admission.admit("a", 20)
    assert admission.admit("a", 20)
    assert not admission.admit("a", 5)
    assert admission.release("a", 4) == []
    assert admission.release("a", 1) == ["a"]
    assert admission.used_bytes == 40


def test_outside_the_guarantee_it_is_first_come_first_served() -> None:
    """A small request does not pass a large one that came before, though it would fit."""
    admission = opened(105, 20, "a", "b", "c")
    for stream in "bc":
        assert admission.admit(stream, 20)
    assert all(admission.admit("a", 20) for _ in range(3))
    assert not admission.admit("b", 20)
    assert not admission.admit("c", 1)
    assert admission.release("a", 10) == []
    assert admission.release("a", 5) == ["b"]
    assert admission.release("a", 1) == ["c"]


def test_inside_the_guarantee_too_it_is_first_come_first_served() -> None:
    """The largest article is not starved by small ones of streams as new as its own."""
    admission = opened(100, 20, "a")
    assert all(admission.admit("a", 19) for _ in range(5))
    assert admission.open("b")
    assert admission.open("c")
    assert not admission.admit("b", 20)
    assert not admission.admit("c", 5)
    assert admission.release("a", 15) == ["b"]
    assert admission.release("a", 5) == ["c"]


def test_inside_the_guarantee_nobody_waits_behind_others() -> None:
    """A stream that holds nothing gets its article while others wait for more."""
    admission = opened(100, 20, "a", "b", "c")
    assert all(admission.admit("a", 20) for _ in range(3))
    assert admission.admit("b", 20)
    assert not admission.admit("b", 20)
    assert admission.admit("c", 20)


def test_a_waiting_request_that_comes_inside_the_guarantee_is_served_at_once() -> None:
    """What a stream gives back itself lets it pass the others."""
    admission = opened(60, 20, "a", "b")
    assert all(admission.admit("a", 20) for _ in range(2))
    assert admission.admit("b", 15)
    assert not admission.admit("a", 20)
    assert not admission.admit("b", 10)
    assert admission.release("b", 10) == ["b"]


def test_a_new_streams_guarantee_goes_before_more_for_others() -> None:
    """Opening may find the surplus in use: it is not granted again until the guarantee stands."""
    admission = opened(100, 20, "a")
    assert all(admission.admit("a", 20) for _ in range(5))
    assert admission.open("b")
    assert not admission.admit("b", 20)
    assert not admission.admit("a", 5)
    assert admission.release("a", 19) == []
    assert admission.release("a", 1) == ["b"]
    assert admission.release("a", 5) == ["a"]


def test_closing_gives_everything_back_and_ends_the_wait() -> None:
    """A stream that ends leaves nothing behind."""
    admission = opened(60, 20, "a", "b")
    assert all(admission.admit("a", 20) for _ in range(2))
    assert not admission.admit("a", 20)
    assert admission.admit("b", 20)
    assert not admission.admit("b", 20)
    assert admission.close("a") == ["b"]
    assert (admission.used_bytes, admission.waiting) == (40, 0)


def test_what_makes_no_sense_is_an_error() -> None:
    """Mistakes of the caller do not become leaks."""
    with pytest.raises(ValueError):
        Admission(10, 20)
    admission = opened(100, 20, "a")
    with pytest.raises(ValueError):
        admission.open("a")
    with pytest.raises(ValueError):
        admission.admit("a", 21)
    with pytest.raises(ValueError):
        admission.release("a", 1)
    assert all(admission.admit("a", 20) for _ in range(5))
    assert not admission.admit("a", 1)
    with pytest.raises(ValueError):
        admission.admit("a", 1)
