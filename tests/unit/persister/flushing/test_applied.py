"""Up to when an answer holds."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.flushing.applied import Applied

EVENTS = st.lists(st.sampled_from(["settle", "cut", "cut nothing", "complete"]), max_size=30)


@given(EVENTS)
def test_all_that_was_settled_before_is_applied(events: list[str]) -> None:
    """Whatever is settled while a flush is under way belongs to the next one."""
    applied = Applied()
    heap: list[int] = []
    flushing: list[int] | None = None
    there: set[int] = set()
    settled: list[int] = []
    for now, event in enumerate(events):
        if event == "settle":
            settled.append(now)
            heap.append(now)
        elif event == "complete" and flushing is not None:
            there.update(flushing)
            flushing = None
            applied.complete()
        elif event == "cut" and flushing is None:
            applied.cut(now)
            flushing, heap = heap, []
        elif event == "cut nothing" and flushing is None and not heap:
            applied.cut(now)
            applied.complete()
        idle = not heap and flushing is None
        upto = applied.upto(now, idle=idle)
        if upto is not None:
            assert {each for each in settled if each < upto} <= there


def test_it_is_not_known_before_the_first_flush() -> None:
    """One that was open at the start was cut at a time that nobody knows."""
    applied = Applied()
    assert applied.upto(7.0, idle=False) is None
    applied.complete()
    assert applied.upto(8.0, idle=False) is None
    assert applied.upto(9.0, idle=True) == 9.0
